import { CloudFormationClient } from '@aws-sdk/client-cloudformation';
import {
  AdminAddUserToGroupCommand,
  AdminCreateUserCommand,
  AdminGetUserCommand,
  type AttributeType,
  CognitoIdentityProviderClient,
  UsernameExistsException,
} from '@aws-sdk/client-cognito-identity-provider';
import * as z from 'zod';
import { Refusal } from './local/refusal.ts';
import { deployedStack, explain, parsedOptions } from './operator-command.ts';

const usage = 'npm run user -- --email ADDRESS [--tenant NAME] [--operator] [--stack Switchboard]';

const request = z.strictObject({
  email: z.email({ error: 'Give the address of the user with --email.' }),
  tenant: z
    .string()
    .regex(/^\S{1,128}$/, { error: 'A tenant is 1 to 128 characters without spaces.' })
    .optional(),
  operator: z.boolean().default(false),
  stack: z.string().default('Switchboard'),
});
export type UserRequest = z.output<typeof request>;

export interface Clients {
  readonly cloudFormation: Pick<CloudFormationClient, 'send'>;
  readonly cognito: Pick<CognitoIdentityProviderClient, 'send'>;
}

/**
 * Reads the command line.
 * @throws Refusal for an unknown option, a missing or malformed address, an unusable tenant.
 */
export function parseUserRequest(args: string[]): UserRequest {
  const options = {
    email: { type: 'string' },
    tenant: { type: 'string' },
    operator: { type: 'boolean' },
    stack: { type: 'string' },
  } as const;
  return parsedOptions(request, { args, options }, usage);
}

/**
 * Makes a user of the stack's own pool, or an existing one an operator, and answers what it did.
 * The tenant is written once: it owns what the user made, so it is never changed here.
 * @throws Refusal when there is no such stack, it has no pool of its own, or the user exists with another tenant.
 */
export async function makeUser({ email, tenant, operator, stack }: UserRequest, clients: Clients): Promise<string> {
  const { userPoolId, operatorGroup } = await poolOf(stack, clients);
  const user = { UserPoolId: userPoolId, Username: email };
  const made = await create(user, tenant, clients);
  if (operator) await clients.cognito.send(new AdminAddUserToGroupCommand({ ...user, GroupName: operatorGroup }));
  const first = made
    ? `${email} has been made and gets a temporary password by e-mail.`
    : `${email} was there already.`;
  const second = tenant === undefined ? 'The tenant is the user itself.' : `The tenant is ${tenant}.`;
  return [first, ...(made ? [second] : []), ...(operator ? [`${email} is an operator.`] : [])].join(' ');
}

interface PoolUser {
  readonly UserPoolId: string;
  readonly Username: string;
}

async function create(user: PoolUser, tenant: string | undefined, { cognito }: Clients): Promise<boolean> {
  const attributes: AttributeType[] = [
    { Name: 'email', Value: user.Username },
    { Name: 'email_verified', Value: 'true' },
    ...(tenant === undefined ? [] : [{ Name: 'custom:tenant', Value: tenant }]),
  ];
  try {
    await cognito.send(
      new AdminCreateUserCommand({ ...user, UserAttributes: attributes, DesiredDeliveryMediums: ['EMAIL'] }),
    );
    return true;
  } catch (error) {
    if (!(error instanceof UsernameExistsException)) throw error;
  }
  const { UserAttributes = [] } = await cognito.send(new AdminGetUserCommand(user));
  const current = UserAttributes.find(({ Name }) => Name === 'custom:tenant')?.Value;
  if (tenant !== undefined && tenant !== current)
    throw new Refusal(
      `${user.Username} exists already, with ${current === undefined ? 'no tenant' : `the tenant ${current}`}, and a tenant does not change.`,
    );
  return false;
}

async function poolOf(
  stack: string,
  { cloudFormation }: Clients,
): Promise<{ userPoolId: string; operatorGroup: string }> {
  const { outputs } = await deployedStack(stack, cloudFormation);
  const { UserPoolId: userPoolId, OperatorGroup: operatorGroup, Issuer: issuer } = outputs;
  if (userPoolId === undefined || operatorGroup === undefined)
    throw new Refusal(
      `${stack} has no user pool of its own: make users at its issuer, ${issuer ?? 'which it does not name'}.`,
    );
  return { userPoolId, operatorGroup };
}

if (import.meta.main) {
  try {
    const clients = { cloudFormation: new CloudFormationClient(), cognito: new CognitoIdentityProviderClient() };
    console.log(await makeUser(parseUserRequest(process.argv.slice(2)), clients));
  } catch (error) {
    console.error(explain(error));
    process.exitCode = 1;
  }
}
