import { SNSClient, SubscribeCommand } from '@aws-sdk/client-sns';
import * as z from 'zod';
import { alert, operatorNotice } from '../../../shared/contracts/alert.ts';
import { loopbackServer } from '../../support/loopback-server.ts';
import type { Api } from './api.ts';
import { awsClient } from './aws.ts';
import { outputOf } from './lambdas.ts';
import { eventually } from './patience.ts';

/** What SNS posts. Source: Amazon SNS developer guide, "Parsing Amazon SNS message formats". */
const posted = z.discriminatedUnion('Type', [
  z.object({ Type: z.literal('SubscriptionConfirmation'), SubscribeURL: z.url() }),
  z.object({
    Type: z.literal('Notification'),
    Subject: z.string(),
    Message: z.string(),
    MessageAttributes: z.record(z.string(), z.object({ Value: z.string() })),
  }),
]);
type Posted = z.infer<typeof posted>;

type LoopbackServer = Awaited<ReturnType<typeof loopbackServer>>;

const sns = new SNSClient(awsClient);

/** Somebody with an address of their own to which SNS posts. */
export class Subscriber implements AsyncDisposable {
  readonly #server: LoopbackServer;

  private constructor(server: LoopbackServer) {
    this.#server = server;
  }

  static async open(): Promise<Subscriber> {
    return new Subscriber(await loopbackServer((_, response) => response.writeHead(200).end()));
  }

  get url(): string {
    return `${this.#server.url}/alerts`;
  }

  /** How often SNS has asked whether it may post here. */
  get questions(): number {
    return this.#heard('SubscriptionConfirmation').length;
  }

  /** The alerts about credentials that came, the first one first. */
  get alerts() {
    return this.notifications.flatMap(({ Message }) => alert.safeParse(JSON.parse(Message)).data ?? []);
  }

  /** What operators are told of the whole. */
  get notices() {
    return this.notifications.flatMap(({ Message }) => operatorNotice.safeParse(JSON.parse(Message)).data ?? []);
  }

  get notifications() {
    return this.#heard('Notification');
  }

  /** Says yes to the first question, by the link in it. */
  async confirm(): Promise<void> {
    const [question] = this.#heard('SubscriptionConfirmation');
    if (question === undefined) throw new Error('SNS has not asked yet.');
    const { status } = await fetch(question.SubscribeURL);
    if (status !== 200) throw new Error(`SNS answered ${status}.`);
  }

  /** Hears what the tenant hears, by the one way that tenants have, and says yes. */
  async join(api: Api): Promise<void> {
    const etag = (await api.get('/v1/notifications')).headers.get('etag') ?? '';
    const destinations = [{ protocol: 'https', endpoint: this.url }];
    const answer = await api.call('PUT', '/v1/notifications', {
      body: { destinations },
      headers: { 'if-match': etag },
    });
    if (answer.status !== 200) throw new Error(`PUT /v1/notifications: ${answer.status} ${answer.text}`);
    await eventually(() => this.confirm());
  }

  /** Hears what operators hear, as one of them subscribes: with the rights of the account. */
  async joinOperators(): Promise<void> {
    const TopicArn = await outputOf('OperatorTopicArn');
    await sns.send(new SubscribeCommand({ TopicArn, Protocol: 'http', Endpoint: this.url }));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#server[Symbol.asyncDispose]();
  }

  #heard<T extends Posted['Type']>(type: T): readonly Extract<Posted, { Type: T }>[] {
    return this.#server.heard
      .map(({ body }) => posted.parse(JSON.parse(body)))
      .filter((it): it is Extract<Posted, { Type: T }> => it.Type === type);
  }
}
