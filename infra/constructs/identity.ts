import { Duration, RemovalPolicy, Stack, Validations } from 'aws-cdk-lib';
import {
  AccountRecovery,
  CfnUserPoolGroup,
  ClientAttributes,
  FeaturePlan,
  LambdaVersion,
  Mfa,
  OAuthScope,
  StringAttribute,
  UserPool,
  UserPoolClient,
  UserPoolOperation,
} from 'aws-cdk-lib/aws-cognito';
import { Construct } from 'constructs';
import { environmentName } from '../../shared/contracts/environment.ts';
import { HandlerFunction } from './handler-function.ts';
import type { HouseProps } from './house.ts';

/** Where the console lives below the origin of the API. */
const consolePath = '/console/';

/**
 * Who is believed: the issuer that the settings name, or else a Cognito user pool made here, in which only operators make users,
 * the tenant is an attribute that users cannot write, and a second factor is needed to sign in.
 */
export class Identity extends Construct {
  readonly issuer: string;
  /** The pool made here, if one was. */
  readonly userPool: UserPool | undefined;
  /** The group of the operators in that pool. */
  readonly operatorGroup: string | undefined;
  readonly #givenAudience: string[];

  constructor(scope: Construct, id: string, props: HouseProps) {
    super(scope, id);
    const { issuer, audience = [] } = props.settings;
    this.#givenAudience = [audience].flat();
    this.userPool = issuer === undefined ? this.#makeUserPool(props) : undefined;
    this.operatorGroup = issuer === undefined ? props.settings.operatorGroup : undefined;
    // Why not userPoolProviderUrl: CloudFormation answers it, but not every emulator does. The form is AWS's own.
    this.issuer = issuer ?? `https://cognito-idp.${Stack.of(this).region}.amazonaws.com/${this.userPool?.userPoolId}`;
  }

  /** Makes known the console that signs users in at this origin: the audience of its tokens, and its client where the pool is ours. */
  admitConsole(origin: string): { readonly audience: string[]; readonly client: UserPoolClient | undefined } {
    const { userPool } = this;
    if (userPool === undefined) return { audience: this.#givenAudience, client: undefined };
    const readable = new ClientAttributes().withStandardAttributes({ email: true, emailVerified: true });
    const client = new UserPoolClient(this, 'Console', {
      userPool,
      generateSecret: false,
      // A public client: authorization code with PKCE. Every flow that hands a password to a program stays off.
      authFlows: { userPassword: false },
      oAuth: {
        flows: { authorizationCodeGrant: true },
        scopes: [OAuthScope.OPENID, OAuthScope.EMAIL],
        callbackUrls: [origin + consolePath],
        logoutUrls: [origin + consolePath],
      },
      readAttributes: readable.withCustomAttributes('tenant'),
      writeAttributes: new ClientAttributes().withStandardAttributes({ email: true }),
      preventUserExistenceErrors: true,
      enableTokenRevocation: true,
      accessTokenValidity: Duration.hours(1),
      idTokenValidity: Duration.hours(1),
      refreshTokenValidity: Duration.days(1),
    });
    return { audience: [client.userPoolClientId], client };
  }

  #makeUserPool(props: HouseProps): UserPool {
    const { settings } = props;
    const userPool = new UserPool(this, 'UserPool', {
      selfSignUpEnabled: false,
      signInAliases: { email: true },
      signInCaseSensitive: false,
      autoVerify: { email: true },
      standardAttributes: { email: { required: true, mutable: true } },
      customAttributes: { tenant: new StringAttribute({ minLen: 1, maxLen: 128, mutable: true }) },
      // The plan that lets a trigger put claims into access tokens.
      featurePlan: FeaturePlan.ESSENTIALS,
      passwordPolicy: {
        minLength: 12,
        requireLowercase: true,
        requireUppercase: true,
        requireDigits: true,
        requireSymbols: true,
        passwordHistorySize: 5,
        tempPasswordValidity: Duration.days(3),
      },
      mfa: Mfa.REQUIRED,
      mfaSecondFactor: { otp: true, sms: false },
      accountRecovery: AccountRecovery.EMAIL_ONLY,
      deletionProtection: settings.removalProtection,
      removalPolicy: settings.removalProtection ? RemovalPolicy.RETAIN : RemovalPolicy.DESTROY,
    });
    Validations.of(userPool).acknowledge({
      id: 'AwsSolutions-COG8',
      reason:
        'Plus is priced per user: operators make few users, each with a second factor; those who want threat protection bring their own issuer.',
    });
    const addTenantClaim = new HandlerFunction(this, 'AddTenantClaim', {
      ...props,
      description: 'Puts the tenant of a user into the access token',
      // Cognito waits 5 s for a trigger.
      timeout: Duration.seconds(5),
    });
    addTenantClaim.setVariable(environmentName.tenantClaim, settings.tenantClaim);
    userPool.addTrigger(UserPoolOperation.PRE_TOKEN_GENERATION_CONFIG, addTenantClaim.function, LambdaVersion.V2_0);
    new CfnUserPoolGroup(this, 'Operators', {
      userPoolId: userPool.userPoolId,
      groupName: settings.operatorGroup,
      description: 'Operators of the platform',
    });
    const { stackName, account } = Stack.of(this);
    // Domains share one namespace per region, so the account makes ours unique.
    userPool.addDomain('Domain', { cognitoDomain: { domainPrefix: `${stackName.toLowerCase()}-${account}` } });
    return userPool;
  }
}
