import { CloudFormationClient, DescribeStacksCommand } from '@aws-sdk/client-cloudformation';
import {
  AdminAddUserToGroupCommand,
  AdminCreateUserCommand,
  AdminGetUserCommand,
  CognitoIdentityProviderClient,
  UsernameExistsException,
} from '@aws-sdk/client-cognito-identity-provider';
import { mockClient } from 'aws-sdk-client-mock';
import { beforeEach, describe, expect, it } from 'vitest';
import { Refusal } from '../../infra/local/refusal.ts';
import { makeUser, parseUserRequest } from '../../infra/user.ts';

const cloudFormation = mockClient(CloudFormationClient);
const cognito = mockClient(CognitoIdentityProviderClient);
const clients = { cloudFormation: new CloudFormationClient(), cognito: new CognitoIdentityProviderClient() };
const ada = { email: 'ada@example.com', operator: false, stack: 'Switchboard' };
const exists = new UsernameExistsException({ message: 'exists', $metadata: {} });

const deployedWith = (outputs: Record<string, string>) =>
  cloudFormation.on(DescribeStacksCommand, { StackName: 'Switchboard' }).resolves({
    Stacks: [
      {
        StackName: 'Switchboard',
        CreationTime: new Date(0),
        StackStatus: 'CREATE_COMPLETE',
        Outputs: Object.entries(outputs).map(([OutputKey, OutputValue]) => ({ OutputKey, OutputValue })),
      },
    ],
  });

beforeEach(() => {
  cloudFormation.reset();
  cognito.reset();
  deployedWith({ UserPoolId: 'eu-west-1_pool', OperatorGroup: 'admins', Issuer: 'https://cognito' });
});

describe('the command line', () => {
  it('takes address, tenant, operator and stack', () => {
    expect(
      parseUserRequest(['--email', 'ada@example.com', '--tenant', 'acme', '--operator', '--stack', 'Switchboard-dev']),
    ).toEqual({
      email: 'ada@example.com',
      tenant: 'acme',
      operator: true,
      stack: 'Switchboard-dev',
    });
  });

  it('makes a plain user of the stack Switchboard by default', () => {
    expect(parseUserRequest(['--email', 'ada@example.com'])).toEqual(ada);
  });

  it.each([
    ['without an address', [], /address of the user with --email/],
    ['with something that is no address', ['--email', 'ada'], /address of the user with --email/],
    ['with a tenant that has spaces', ['--email', 'ada@example.com', '--tenant', 'a b'], /without spaces/],
    ['with an empty tenant', ['--email', 'ada@example.com', '--tenant', ''], /1 to 128/],
    ['with an option that is not there', ['--email', 'ada@example.com', '--admin'], /--admin/],
    ['with words left over', ['ada@example.com'], /ada@example.com/],
  ])('is refused %s, with the usage', (_, args, reason) => {
    expect(() => parseUserRequest(args)).toThrow(Refusal);
    expect(() => parseUserRequest(args)).toThrow(reason);
    expect(() => parseUserRequest(args)).toThrow(/Usage: npm run user/);
  });
});

describe('a user', () => {
  it('is made with a verified address and the tenant, and invited by e-mail', async () => {
    await expect(makeUser({ ...ada, tenant: 'acme' }, clients)).resolves.toBe(
      'ada@example.com has been made and gets a temporary password by e-mail. The tenant is acme.',
    );
    expect(cognito.commandCalls(AdminCreateUserCommand).map((call) => call.args[0].input)).toEqual([
      {
        UserPoolId: 'eu-west-1_pool',
        Username: 'ada@example.com',
        UserAttributes: [
          { Name: 'email', Value: 'ada@example.com' },
          { Name: 'email_verified', Value: 'true' },
          { Name: 'custom:tenant', Value: 'acme' },
        ],
        DesiredDeliveryMediums: ['EMAIL'],
      },
    ]);
    expect(cognito.commandCalls(AdminAddUserToGroupCommand)).toEqual([]);
  });

  it('has no tenant attribute where none is given: the user is the tenant', async () => {
    await expect(makeUser(ada, clients)).resolves.toMatch(/The tenant is the user itself/);
    const attributes = cognito.commandCalls(AdminCreateUserCommand)[0]?.args[0].input.UserAttributes ?? [];
    expect(attributes.map(({ Name }) => Name)).toEqual(['email', 'email_verified']);
  });

  it('becomes an operator in the group that the stack names', async () => {
    await expect(makeUser({ ...ada, operator: true }, clients)).resolves.toMatch(/is an operator/);
    expect(cognito.commandCalls(AdminAddUserToGroupCommand)[0]?.args[0].input).toEqual({
      UserPoolId: 'eu-west-1_pool',
      Username: 'ada@example.com',
      GroupName: 'admins',
    });
  });

  it('who is there already can be made an operator', async () => {
    cognito.on(AdminCreateUserCommand).rejects(exists).on(AdminGetUserCommand).resolves({ Username: 'ada' });
    await expect(makeUser({ ...ada, operator: true }, clients)).resolves.toBe(
      'ada@example.com was there already. ada@example.com is an operator.',
    );
  });

  it.each([
    [[{ Name: 'custom:tenant', Value: 'acme' }], /with the tenant acme, and a tenant does not change/],
    [[], /with no tenant, and a tenant does not change/],
  ])('who is there already keeps the tenant', async (UserAttributes, reason) => {
    cognito
      .on(AdminCreateUserCommand)
      .rejects(exists)
      .on(AdminGetUserCommand)
      .resolves({ Username: 'ada', UserAttributes });
    await expect(makeUser({ ...ada, tenant: 'other', operator: true }, clients)).rejects.toThrow(reason);
    expect(cognito.commandCalls(AdminAddUserToGroupCommand)).toEqual([]);
  });

  it('is refused where the stack is not deployed', async () => {
    cloudFormation.on(DescribeStacksCommand).rejects(new Error('Stack with id Switchboard does not exist'));
    await expect(makeUser(ada, clients)).rejects.toThrow(/There is no stack Switchboard in this account and region/);
  });

  it('is refused where the stack has an issuer of its own, which is named', async () => {
    deployedWith({ Issuer: 'https://login.example.com' });
    await expect(makeUser(ada, clients)).rejects.toThrow(
      /no user pool of its own: make users at its issuer, https:\/\/login.example.com/,
    );
    expect(cognito.calls()).toEqual([]);
  });

  it('is not made when AWS fails for another reason', async () => {
    cognito.on(AdminCreateUserCommand).rejects(new Error('throttled'));
    await expect(makeUser({ ...ada, operator: true }, clients)).rejects.toThrow('throttled');
    expect(cognito.commandCalls(AdminAddUserToGroupCommand)).toEqual([]);
  });
});
