import { Duration, RemovalPolicy, Stack, Validations } from 'aws-cdk-lib';
import { AccessLogFormat } from 'aws-cdk-lib/aws-apigateway';
import {
  ApiMapping,
  type CfnApi,
  type CfnStage,
  DomainName,
  HttpApi,
  type HttpMethod,
  HttpNoneAuthorizer,
  HttpRoute,
  HttpRouteKey,
  HttpStage,
  LogGroupLogDestination,
} from 'aws-cdk-lib/aws-apigatewayv2';
import { HttpJwtAuthorizer } from 'aws-cdk-lib/aws-apigatewayv2-authorizers';
import { HttpLambdaIntegration } from 'aws-cdk-lib/aws-apigatewayv2-integrations';
import { Certificate } from 'aws-cdk-lib/aws-certificatemanager';
import type { UserPoolClient } from 'aws-cdk-lib/aws-cognito';
import { LogGroup } from 'aws-cdk-lib/aws-logs';
import { Construct, type IDependable } from 'constructs';
import { environmentName } from '../../shared/contracts/environment.ts';
import type { StageSettings } from '../stage.ts';
import type { Alerts, Limit } from './alerts.ts';
import type { HandlerFunction } from './handler-function.ts';
import type { HouseProps } from './house.ts';
import type { Identity } from './identity.ts';

type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
/** A route for users of the platform. */
export type TenantRoute = `${Method} /v1/${string}`;
/** A route that users share with agents. */
export type AgentRoute = `${Method} /v1/agents/{agentId}/${string}`;
/** A route that Meta calls. */
export type WebhookRoute = `${Method} /webhooks/${string}`;
/** A route for everybody. */
export type OpenRoute = `GET /${string}` | '$default';

/**
 * What one request leaves in the access log. The route key instead of the path, and no query:
 * a webhook id is a capability, a query may hold a verify token.
 */
const accessLogFields = {
  requestId: '$context.requestId',
  requestTime: '$context.requestTime',
  routeKey: '$context.routeKey',
  status: '$context.status',
  sourceIp: '$context.identity.sourceIp',
  responseLength: '$context.responseLength',
  responseLatency: '$context.responseLatency',
  integrationStatus: '$context.integrationStatus',
  integrationLatency: '$context.integrationLatency',
  authorizerError: '$context.authorizer.error',
} as const;

export interface PublicApiProps extends HouseProps {
  /** Whose access tokens open the routes for users. */
  readonly identity: Identity;
  readonly alerts: Alerts;
}

/** One or two are a request that ran out of time. As many as this are no chance. */
const failures: Limit = { atLeast: 5, within: Duration.minutes(5) };

/** The one door: routes for users need a token, routes for Meta and for everybody say why they need none. */
export class PublicApi extends Construct {
  /** Origin under which users reach the API, without a slash at the end. */
  readonly origin: string;
  /** The same for Meta and the webhooks. */
  readonly webhooksOrigin: string;
  readonly consoleClient: UserPoolClient | undefined;
  /** What DNS must point to where the API has a domain of its own. */
  readonly domainTarget: string | undefined;
  readonly stage: HttpStage;
  readonly #api: HttpApi;
  readonly #settings: StageSettings;
  readonly #authorizer: HttpJwtAuthorizer;
  readonly #rules: { readonly issuer: string; readonly audience: readonly string[] };
  readonly #throttles: Record<string, { ThrottlingRateLimit: number; ThrottlingBurstLimit: number }> = {};
  readonly #integrations = new Map<HandlerFunction, HttpLambdaIntegration>();

  constructor(scope: Construct, id: string, props: PublicApiProps) {
    super(scope, id);
    const { settings, identity, alerts } = props;
    this.#settings = settings;
    this.#api = new HttpApi(this, 'Api', {
      apiName: Stack.of(this).stackName,
      description: 'Switchboard: credentials, agents and webhooks',
      createDefaultStage: false,
    });
    this.stage = new HttpStage(this, 'Stage', {
      httpApi: this.#api,
      stageName: '$default',
      autoDeploy: true,
      throttle: { rateLimit: settings.apiThrottle.rate, burstLimit: settings.apiThrottle.burst },
      accessLogSettings: {
        destination: new LogGroupLogDestination(this.#accessLogs(props)),
        format: AccessLogFormat.custom(JSON.stringify(accessLogFields)),
      },
    });
    alerts.onServerErrors(this.stage, failures, {
      name: 'ApiFailing',
      severity: 'warning',
      meaning: 'The API answered requests with a 5xx, those of Meta included.',
    });
    this.domainTarget = this.#mapDomain(this.stage);
    this.webhooksOrigin = originOf(settings) ?? this.#api.apiEndpoint;
    this.origin = settings.apiUrl ?? this.webhooksOrigin;
    const { audience, client } = identity.admitConsole(this.origin);
    this.consoleClient = client;
    this.#rules = { issuer: identity.issuer, audience };
    this.#authorizer = new HttpJwtAuthorizer('Users', identity.issuer, { jwtAudience: audience });
  }

  get apiId(): string {
    return this.#api.apiId;
  }

  /** Sends requests of users to the handler, once the gateway has verified their token. */
  serveTenants(handler: HandlerFunction, ...routes: TenantRoute[]): void {
    this.#tenantRoutes(handler, routes);
  }

  /**
   * The same for requests that wait for Meta or for an agent, up to half a minute: with a throttle of their own, because each holds a worker of
   * the account's, which the webhooks need more.
   */
  serveWaitingTenants(handler: HandlerFunction, ...routes: TenantRoute[]): void {
    for (const key of routes)
      for (const route of this.#tenantRoutes(handler, [key]))
        this.#throttle(key, route, this.#settings.waitingThrottle);
  }

  /**
   * Sends requests of users and of agents with a key to the handler. A route has one kind of authorizer, so the gateway verifies nothing here: the
   * handler does, by these same rules.
   */
  serveAgents(handler: HandlerFunction, ...routes: AgentRoute[]): void {
    this.#agentRoutes(handler, routes);
  }

  /** The same for requests that wait while media are moved, with a throttle of their own. */
  serveWaitingAgents(handler: HandlerFunction, ...routes: AgentRoute[]): void {
    for (const key of routes)
      for (const route of this.#agentRoutes(handler, [key])) this.#throttle(key, route, this.#settings.mediaThrottle);
  }

  #agentRoutes(handler: HandlerFunction, routes: readonly AgentRoute[]): readonly HttpRoute[] {
    const { requiredScope, tenantClaim } = this.#settings;
    handler.setVariable(environmentName.issuer, this.#rules.issuer);
    handler.setVariable(environmentName.audiences, this.#rules.audience.join());
    if (requiredScope !== undefined) handler.setVariable(environmentName.requiredScope, requiredScope);
    handler.setVariable(environmentName.tenantClaim, tenantClaim);
    this.tellAddress(handler);
    return routes.map((key) =>
      this.#openRoute(key, handler, 'The handler verifies the access token or the key of the agent.'),
    );
  }

  #tenantRoutes(handler: HandlerFunction, routes: readonly TenantRoute[]): readonly HttpRoute[] {
    const { requiredScope, tenantClaim, operatorGroup } = this.#settings;
    handler.setVariable(environmentName.tenantClaim, tenantClaim);
    handler.setVariable(environmentName.operatorGroup, operatorGroup);
    this.tellAddress(handler);
    return routes.map((key) =>
      this.#route(key, handler, {
        authorizer: this.#authorizer,
        ...(requiredScope === undefined ? {} : { authorizationScopes: [requiredScope] }),
      }),
    );
  }

  /** Sends Meta's requests to the handler, with a throttle of their own. Meta has no token: the handler verifies what it gets. */
  serveMeta(handler: HandlerFunction, reason: string, ...routes: WebhookRoute[]): void {
    for (const key of routes)
      this.#throttle(key, this.#openRoute(key, handler, reason), this.#settings.webhookThrottle);
  }

  #throttle(
    key: TenantRoute | AgentRoute | WebhookRoute,
    route: HttpRoute,
    { rate, burst }: StageSettings['apiThrottle'],
  ): void {
    this.#throttles[key] = { ThrottlingRateLimit: rate, ThrottlingBurstLimit: burst };
    const stage = this.stage.node.defaultChild as CfnStage;
    stage.addPropertyOverride('RouteSettings', this.#throttles);
    stage.node.addDependency(route);
  }

  /** Sends requests of anybody to the handler: no token, and nothing that would need one. */
  serveEverybody(handler: HandlerFunction, reason: string, ...routes: OpenRoute[]): void {
    this.tellAddress(handler);
    for (const key of routes) this.#openRoute(key, handler, reason);
  }

  /** Tells a function where users and Meta reach this API, and where the console is. */
  tellAddress(grantee: HandlerFunction): void {
    grantee.setVariable(environmentName.publicUrl, this.webhooksOrigin);
    grantee.setVariable(environmentName.apiUrl, this.origin);
    grantee.setVariable(environmentName.consoleUrl, `${this.origin}/console`);
  }

  /** Keeps the API closed until what it depends on is there. */
  openAfter(dependency: IDependable): void {
    (this.#api.node.defaultChild as CfnApi).node.addDependency(dependency);
  }

  #openRoute(key: AgentRoute | WebhookRoute | OpenRoute, handler: HandlerFunction, reason: string): HttpRoute {
    const route = this.#route(key, handler, { authorizer: new HttpNoneAuthorizer() });
    Validations.of(route).acknowledge({ id: 'AwsSolutions-APIG4', reason });
    return route;
  }

  #route(
    key: TenantRoute | WebhookRoute | OpenRoute,
    handler: HandlerFunction,
    access: { authorizer: HttpJwtAuthorizer | HttpNoneAuthorizer; authorizationScopes?: string[] },
  ): HttpRoute {
    const [method, path] = key.split(' ') as [HttpMethod, string?];
    return new HttpRoute(this.#api, key, {
      ...access,
      httpApi: this.#api,
      routeKey: path === undefined ? HttpRouteKey.DEFAULT : HttpRouteKey.with(path, method),
      integration: this.#integrationOf(handler),
    });
  }

  #integrationOf(handler: HandlerFunction): HttpLambdaIntegration {
    const known = this.#integrations.get(handler);
    if (known !== undefined) return known;
    const integration = new HttpLambdaIntegration(handler.node.id, handler.function);
    this.#integrations.set(handler, integration);
    return integration;
  }

  #accessLogs(props: HouseProps): LogGroup {
    return new LogGroup(this, 'AccessLogs', {
      retention: props.settings.logRetentionDays,
      encryptionKey: props.dataKey.key,
      removalPolicy: RemovalPolicy.DESTROY,
    });
  }

  #mapDomain(stage: HttpStage): string | undefined {
    const { publicDomain } = this.#settings;
    if (publicDomain === undefined) return undefined;
    const domainName = new DomainName(this, 'Domain', {
      domainName: publicDomain.domainName,
      certificate: Certificate.fromCertificateArn(this, 'Certificate', publicDomain.certificateArn),
    });
    new ApiMapping(this, 'DomainMapping', { api: this.#api, domainName, stage });
    return domainName.regionalDomainName;
  }
}

function originOf({ publicUrl, publicDomain }: StageSettings): string | undefined {
  return publicUrl ?? (publicDomain === undefined ? undefined : `https://${publicDomain.domainName}`);
}
