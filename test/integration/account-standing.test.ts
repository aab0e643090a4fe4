import { PutCommand } from '@aws-sdk/lib-dynamodb';
import { describe, expect, test } from 'vitest';
import { credentialReader, webhookStateRecorder } from '../../shared/adapters/credential-store.ts';
import { directoryKey } from '../../shared/adapters/directory-keys.ts';
import { ticketStore } from '../../shared/adapters/ticket-store.ts';
import { afterNews } from '../../shared/domain/account-standing.ts';
import { newTicket } from '../../shared/domain/work.ts';
import { credentialRecordOf, ids, numberRecordOf, releaseWorkOf } from '../support/records.ts';
import { dynamoDbOf, engineNames, makeTable } from './support/engines.ts';

const now = new Date();
const noon = 1_795_000_000;
const ban = (state: string, at: number) => ({
  field: 'account_update',
  value: { event: 'DISABLED_UPDATE', ban_info: { waba_ban_state: state } },
  at,
});
const release = newTicket(releaseWorkOf(), now);

describe.each(engineNames)('on %s', (engine) => {
  test('a standing, its time, its numbers and the ticket for what follows are written all or nothing', async () => {
    const client = dynamoDbOf(engine);
    const table = await makeTable(engine);
    for (const Item of [
      { ...credentialRecordOf(), ...directoryKey.credential(ids.tenant, ids.credential) },
      { ...numberRecordOf(), revision: 1, ...directoryKey.number(ids.number) },
    ])
      await client.send(new PutCommand({ TableName: table, Item }));
    const credentials = credentialReader(client, table);
    const { recordStanding } = webhookStateRecorder(client, table);
    const tickets = ticketStore(client, table);
    const known = async () => {
      const credential = await credentials.find(ids.tenant, ids.credential);
      const number = await credentials.findNumber(ids.number);
      if (credential === undefined || number === undefined) throw new Error('They are there');
      return { credential, stopped: number.stopped };
    };

    const { credential: running } = await known();
    const disabled = afterNews(running, ban('DISABLE', noon), now);
    expect(await recordStanding(running, disabled, [])).toBe(true);
    const { credential: stopped, stopped: stop } = await known();
    expect(stopped).toMatchObject({ standing: { isStopped: true }, newsAt: noon });
    expect(stop).toMatchObject({ code: 'account-disabled' });

    const reinstated = afterNews(stopped, ban('REINSTATE', noon + 1), now);
    expect(await recordStanding({ ...stopped, secretVersion: 7 }, reinstated, [release])).toBe(false);
    expect(await tickets.find(release.id)).toBeUndefined();
    expect((await known()).stopped).not.toBeNull();

    expect(await recordStanding(stopped, reinstated, [release])).toBe(true);
    expect(await tickets.find(release.id)).toMatchObject({ work: release.work });
    expect(await known()).toMatchObject({ credential: { standing: null, newsAt: noon + 1 }, stopped: null });
  });
});
