import { fileURLToPath } from 'node:url';

/** Root of the repository: entries and the lock file are found from here, wherever the command is run. */
export const projectRoot = fileURLToPath(new URL('..', import.meta.url));

/** Every Lambda of the stack, by construct id, with the file it starts from. One Lambda is one capability with one set of permissions. */
export const handlerEntries = {
  ManageCredentials: 'functions/credentials/manage-credentials.lambda.ts',
  CleanUpCredential: 'functions/credentials/clean-up-credential.lambda.ts',
  ResealCredentials: 'functions/credentials/reseal-credentials.lambda.ts',
  DescribeCredentials: 'functions/credentials/describe-credentials.lambda.ts',
  ManageAgents: 'functions/agents/manage-agents.lambda.ts',
  TestAgent: 'functions/agents/test-agent.lambda.ts',
  DescribeAgents: 'functions/agents/describe-agents.lambda.ts',
  SendMessages: 'functions/messages/send-messages.lambda.ts',
  ServeMedia: 'functions/media/serve-media.lambda.ts',
  MoveMedia: 'functions/media/move-media.lambda.ts',
  RewrapVault: 'functions/vault/rewrap-vault.lambda.ts',
  ReceiveWebhook: 'functions/webhooks/receive-webhook.lambda.ts',
  VerifyWebhook: 'functions/webhooks/verify-webhook.lambda.ts',
  SetUpWebhook: 'functions/webhooks/set-up-webhook.lambda.ts',
  PlanChecks: 'functions/health/plan-checks.lambda.ts',
  CheckCredential: 'functions/health/check-credential.lambda.ts',
  WatchCredentials: 'functions/health/watch-credentials.lambda.ts',
  SendAlerts: 'functions/alerts/send-alerts.lambda.ts',
  ManageNotifications: 'functions/notifications/manage-notifications.lambda.ts',
  SweepWork: 'functions/work/sweep-work.lambda.ts',
  RouteEvent: 'functions/routing/route-event.lambda.ts',
  ManageHeld: 'functions/held/manage-held.lambda.ts',
  EraseCustomer: 'functions/customers/erase-customer.lambda.ts',
  ReleaseHeld: 'functions/routing/release-held.lambda.ts',
  ProjectActivity: 'functions/activity/project-activity.lambda.ts',
  ShowActivity: 'functions/activity/show-activity.lambda.ts',
  WatchAudit: 'functions/audit/watch-audit.lambda.ts',
  ServePlatform: 'functions/platform/serve-platform.lambda.ts',
  AddTenantClaim: 'functions/platform/add-tenant-claim.lambda.ts',
} as const satisfies Record<string, `functions/${string}.lambda.ts`>;

export type HandlerName = keyof typeof handlerEntries;
export const handlerNames = Object.keys(handlerEntries) as [HandlerName, ...HandlerName[]];
