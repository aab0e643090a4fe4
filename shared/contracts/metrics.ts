/** Where our metrics are found in CloudWatch: the handlers count there, the alarms look there. Their one dimension is `service`, the name of the stack. */
export const metricNamespace = 'Switchboard';
