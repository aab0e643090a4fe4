import * as z from 'zod';
import { activityCounters, activitySums } from './activity.ts';
import { agent } from './agent.ts';
import { credential, metaUsage, phoneNumber, reason, webhookState } from './credential.ts';
import { credentialHealthView, furtherReasons } from './health.ts';
import { agentId, credentialId } from './ids.ts';

const lastTimes = {
  lastInboundAt: z.iso.datetime().nullable().meta({ description: 'When a customer last wrote or called' }),
  lastOutboundAt: z.iso.datetime().nullable().meta({ description: 'When Meta last took a message' }),
};

const held = z
  .number()
  .int()
  .meta({ description: 'Events that wait, those that wait for your choice included; a few seconds old' });

export const dashboardNumber = phoneNumber.extend({
  reason: reason.nullable().meta({ description: 'What is wrong with this number, or worth a remark, the worst of it' }),
  agentIds: z.array(agentId),
  ...lastTimes,
  held,
  activity: activitySums,
});

export const dashboardCredential = z.object({
  id: credentialId,
  label: z.string(),
  status: credential.shape.status,
  reason: reason.nullable(),
  furtherReasons,
  triedAt: credentialHealthView.shape.triedAt,
  checkedAt: credentialHealthView.shape.checkedAt,
  accessTokenExpiresAt: z.iso.datetime().nullable(),
  webhook: z.object({ state: webhookState, reason: reason.nullable() }),
  metaUsage: metaUsage.nullable().meta({ description: 'From half of a limit on' }),
  phoneNumbers: z.array(dashboardNumber),
  held,
  activity: activitySums,
});
export type DashboardCredential = z.infer<typeof dashboardCredential>;

export const dashboardAgent = z.object({
  id: agentId,
  name: z.string(),
  credentialId: credentialId.nullable(),
  phoneNumberId: phoneNumber.shape.phoneNumberId.nullable(),
  connection: agent.shape.connection,
  dispatch: agent.shape.dispatch,
  activity: activitySums,
});

export const dashboard = z
  .object({
    generatedAt: z.iso.datetime(),
    totals: activityCounters,
    held,
    credentials: z.array(dashboardCredential),
    agents: z.array(dashboardAgent),
    isComplete: z
      .boolean()
      .meta({ description: 'False where there are more credentials or agents than one answer shows: the lists page' }),
  })
  .meta({ id: 'Dashboard', description: 'Everything that a dashboard shows, a few seconds behind' });
export type Dashboard = z.infer<typeof dashboard>;
