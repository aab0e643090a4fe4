/** Where our metrics are found in CloudWatch: the handlers count there, the alarms look there. */
export const metricNamespace = 'Switchboard';
/** The one dimension of every metric, `service`. */
export const metricService = 'switchboard';
