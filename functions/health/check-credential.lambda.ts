import { checkCredential } from '../../shared/domain/check-credential.ts';
import { journal } from '../edge/operator-journal.ts';
import * as ports from '../edge/ports.ts';
import { workLambda } from '../edge/work-lambda.ts';

/** Asks Meta about a credential that a refused send has cast doubt on, and disables it on proof alone. */
export const handler = workLambda((work) => {
  if (work.kind !== 'check-credential') throw new RangeError('Not work of this function');
  return checkCredential(work, {
    credentials: ports.credentials(),
    verdicts: ports.verdicts(),
    doubts: ports.doubts(),
    opener: ports.opener(),
    graph: ports.graph(),
    usage: ports.metaUsage(),
    journal,
    now: () => new Date(),
  });
});
