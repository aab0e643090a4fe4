import { cleanUpCredential } from '../../shared/domain/clean-up-credential.ts';
import { newTicket } from '../../shared/domain/work.ts';
import { journal } from '../edge/operator-journal.ts';
import * as ports from '../edge/ports.ts';
import { workLambda } from '../edge/work-lambda.ts';

/** Takes a removed credential out of Meta and shreds what is left of its secrets. */
export const handler = workLambda((work) => {
  if (work.kind !== 'clean-up') throw new RangeError('Not work of this function');
  return cleanUpCredential(work, {
    credentials: ports.credentials(),
    removals: ports.removals(),
    async requestSetUp({ tenantId, credentialId }) {
      const ticket = newTicket({ kind: 'set-up', tenantId, credentialId, reclaim: false }, new Date());
      await ports.tickets().open(ticket);
      await ports.workQueues().send(ticket);
    },
    vault: ports.opener(),
    graph: ports.graph(),
    journal,
    now: () => new Date(),
  });
});
