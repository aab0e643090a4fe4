import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { newConnection } from './support/connection.ts';
import { loggedAbout } from './support/logs.ts';
import { eventually } from './support/patience.ts';
import { addAuditRow, changeAuditRow, removeAuditRow, rowsOf } from './support/tables.ts';

// Over a restart the emulator keeps how far a function has heard a stream, and not the stream: a copy that was restarted hears of
// changes only after as many as there were before.

/** What an addition would need to be heard of, several times over. In milliseconds. */
const longEnough = 3_000;

test('a line of the audit that an administrator changes or removes is reported, and one that is added is not', async () => {
  const { api, credential } = await newConnection('watched');
  const pk = `${api.tenant}#${credential.id}`;
  const lines = (await rowsOf('Audit')).filter((row) => row.pk === pk);
  const [changed, removed, kept] = lines;
  if (changed === undefined || removed === undefined || kept === undefined)
    throw new Error('There is too little to change.');
  const added = { ...kept, sk: `${kept.sk.slice(0, -4)}ADDD` };

  await addAuditRow(added);
  await changeAuditRow(changed, 'somebody else');
  await removeAuditRow(removed);

  const [change] = await eventually(async () => {
    const logged = await loggedAbout('audit-tampered', changed.sk);
    expect(logged).toHaveLength(1);
    return logged;
  });
  expect(change?.group).toContain('WatchAudit');
  expect(JSON.parse(change?.text ?? '{}')).toMatchObject({
    level: 'ERROR',
    kind: 'MODIFY',
    tenantId: api.tenant,
    subjectId: credential.id,
  });
  await eventually(async () => expect(await loggedAbout('audit-tampered', removed.sk)).toHaveLength(1));
  await sleep(longEnough);
  for (const { sk } of [kept, added]) expect(await loggedAbout('audit-tampered', sk)).toEqual([]);
});
