import * as z from 'zod';
import { agentKeyId } from './ids.ts';

/** An agent's own key for the API, as it is listed: never the key itself. */
export const agentKey = z
  .object({
    id: agentKeyId,
    lastFour: z.string().meta({ description: 'The last four characters of the key' }),
    createdAt: z.iso.datetime(),
  })
  .meta({ id: 'AgentKey' });
export type AgentKey = z.infer<typeof agentKey>;

export const newAgentKey = agentKey
  .extend({
    key: z
      .string()
      .meta({ description: 'Shown in this answer alone. Sent as `Authorization: Bearer sbk_…`', examples: ['sbk_…'] }),
  })
  .meta({ id: 'NewAgentKey' });

/** Never more than two, on one page. */
export const agentKeyList = z.object({ items: z.array(agentKey), nextCursor: z.null() }).meta({ id: 'AgentKeyList' });

export const createAgentKeyRequest = z.strictObject({}).meta({ id: 'CreateAgentKeyRequest' });
