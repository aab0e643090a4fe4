import { describe, expect, test } from 'vitest';
import { tenantId } from '../../../shared/contracts/ids.ts';
import type { Destination } from '../../../shared/contracts/notification.ts';
import { Fault } from '../../../shared/domain/fault.ts';
import { publishAlert, subscribe } from '../../../shared/domain/tell-alert.ts';
import { memoryNotifications, memorySns } from '../../support/alert-fakes.ts';
import { recordingJournal } from '../../support/fakes.ts';
import { alertRecordOf, ids, notificationsRecordOf } from '../../support/records.ts';

const ada: Destination = { protocol: 'email', endpoint: 'ada@example.com' };
const grace: Destination = { protocol: 'email', endpoint: 'grace@example.com' };
const pager: Destination = { protocol: 'https', endpoint: 'https://pager.example/alerts' };

const world = (...destinations: readonly Destination[]) => {
  const sns = memorySns();
  const notifications = memoryNotifications(notificationsRecordOf({ destinations: [...destinations] }));
  const journal = recordingJournal();
  const ports = { notifications, topics: sns.topics, publisher: sns.publisher, journal };
  let version = 1;
  const choose = (...chosen: readonly Destination[]) =>
    notifications.set(notificationsRecordOf({ version: ++version, destinations: [...chosen] }));
  return { sns, notifications, journal, ports, choose };
};
const publishing = (change: object = {}) => ({
  tenantId: ids.tenant,
  audience: 'tenant' as const,
  alert: alertRecordOf(),
  ...change,
});

describe('the subscriptions of a tenant', () => {
  test('are asked for, each once, however often that is done', async () => {
    const { sns, ports } = world(ada, pager);
    for (let time = 0; time < 3; time++) expect(await subscribe(ids.tenant, ports)).toBe('done');
    expect(sns.questions).toEqual([ada.endpoint, pager.endpoint]);
    sns.confirm(ids.tenant, ada.endpoint);
    await subscribe(ids.tenant, ports);
    expect(sns.questions).toHaveLength(2);
  });

  test('are asked for again once the question is forgotten', async () => {
    const { sns, ports } = world(ada);
    await subscribe(ids.tenant, ports);
    sns.forget(ids.tenant, ada.endpoint);
    await subscribe(ids.tenant, ports);
    expect(sns.questions).toEqual([ada.endpoint, ada.endpoint]);
  });

  test('cannot flood an address with questions, by taking it back and choosing it again', async () => {
    const { sns, ports, choose } = world(ada);
    for (let time = 0; time < 5; time++) {
      choose();
      await subscribe(ids.tenant, ports);
      choose(ada);
      await subscribe(ids.tenant, ports);
    }
    expect(sns.questions).toEqual([ada.endpoint]);
  });

  test('are not asked of more than ten strangers at once, by choosing others all the time', async () => {
    const { sns, ports, choose } = world();
    const eight = (name: string) =>
      Array.from(
        { length: 8 },
        (_, index): Destination => ({ protocol: 'email', endpoint: `${name}${index}@example.com` }),
      );
    choose(...eight('first'));
    expect(await subscribe(ids.tenant, ports)).toBe('done');
    choose(...eight('second'));
    expect(await subscribe(ids.tenant, ports)).toEqual({ outcome: 'later' });
    expect(sns.questions).toHaveLength(10);
    for (const { endpoint } of eight('first')) sns.forget(ids.tenant, endpoint);
    expect(await subscribe(ids.tenant, ports)).toBe('done');
    expect(sns.questions).toHaveLength(16);
  });

  test('end where the tenant wants them no more, as soon as SNS lets them', async () => {
    const { sns, ports, choose } = world(ada, grace);
    await subscribe(ids.tenant, ports);
    sns.confirm(ids.tenant, ada.endpoint);
    choose(pager);
    await subscribe(ids.tenant, ports);
    expect(sns.subscribed(ids.tenant)).toEqual([grace.endpoint, pager.endpoint]);
  });

  test('need no topic while nobody is to be told', async () => {
    const { sns, ports, choose } = world();
    expect(await subscribe(ids.tenant, ports)).toBe('done');
    choose();
    await subscribe(ids.tenant, ports);
    expect(await sns.topics.subscriptions(ids.tenant)).toBeUndefined();
    expect(await subscribe(tenantId.parse('nobody'), ports)).toBe('done');
  });

  test('are done again when another choice was made meanwhile', async () => {
    const { ports, choose } = world(ada);
    const create = (id: typeof ids.tenant) => {
      choose(grace);
      return ports.topics.create(id);
    };
    const slow = { ...ports, topics: { ...ports.topics, create } };
    expect(await subscribe(ids.tenant, slow)).toBe('again');
    expect(await subscribe(ids.tenant, slow)).toBe('done');
  });

  test('go on when SNS does not take one of the addresses, and the journal does not say which', async () => {
    const { sns, journal, ports } = world(pager, ada);
    sns.refuses(pager.endpoint);
    expect(await subscribe(ids.tenant, ports)).toBe('done');
    expect(sns.subscribed(ids.tenant)).toEqual([ada.endpoint]);
    expect(journal.lines).toMatchObject([{ level: 'warn', event: 'destination-refused' }]);
    expect(JSON.stringify(journal.lines)).not.toContain('pager.example');
  });

  test('stay to be done while SNS is away', async () => {
    const away = new Fault('topic-unavailable', { retryable: true });
    const { ports } = world(ada);
    const topics = { ...ports.topics, subscriptions: () => Promise.reject(away) };
    await expect(subscribe(ids.tenant, { ...ports, topics })).rejects.toBe(away);
  });
});

describe('an alert', () => {
  const confirmed = async (...destinations: readonly Destination[]) => {
    const it = world(...destinations);
    await subscribe(ids.tenant, it.ports);
    for (const { endpoint } of destinations) it.sns.confirm(ids.tenant, endpoint);
    return it;
  };

  test('reaches whoever has confirmed, and not who has not', async () => {
    const { sns, ports } = world(ada, pager);
    await subscribe(ids.tenant, ports);
    sns.confirm(ids.tenant, pager.endpoint);
    expect(await publishAlert(publishing(), ports)).toBe('done');
    expect(sns.heard).toEqual([{ by: pager.endpoint, alert: alertRecordOf() }]);
  });

  test('never reaches another tenant', async () => {
    const { sns, ports } = await confirmed(ada);
    await publishAlert(publishing({ tenantId: tenantId.parse('globex') }), ports);
    expect(sns.heard).toEqual([]);
  });

  test('never reaches who was taken back while SNS waited for them, and said yes afterwards', async () => {
    const { sns, ports, choose } = world(ada);
    await subscribe(ids.tenant, ports);
    choose();
    await subscribe(ids.tenant, ports);
    sns.confirm(ids.tenant, ada.endpoint);
    await publishAlert(publishing(), ports);
    expect(sns.heard).toEqual([]);
    expect(sns.subscribed(ids.tenant)).toEqual([]);
  });

  test('for the operator reaches no tenant', async () => {
    const { sns, ports, journal } = await confirmed(ada);
    await publishAlert(publishing({ audience: 'operator' }), ports);
    expect(sns.heard.map(({ by }) => by)).toEqual(['operator']);
    expect(journal.counts.get('AlertsPublished')).toBe(1);
  });

  test('of a tenant that nobody listens for is done with, and counted as unheard', async () => {
    const { ports, journal } = world();
    expect(await publishAlert(publishing(), ports)).toBe('done');
    expect(Object.fromEntries(journal.counts)).toEqual({ AlertsUnheard: 1 });
  });

  test('asks nobody anew whose question was forgotten: an alert is no reminder', async () => {
    const { sns, ports } = await confirmed(ada);
    sns.forget(ids.tenant, ada.endpoint);
    await publishAlert(publishing(), ports);
    expect(sns.questions).toHaveLength(1);
  });

  test('stays to be done while SNS is away', async () => {
    const away = new Fault('topic-unavailable', { retryable: true });
    const { ports } = await confirmed(ada);
    const publisher = { ...ports.publisher, toTenant: () => Promise.reject(away) };
    await expect(publishAlert(publishing(), { ...ports, publisher })).rejects.toBe(away);
  });
});
