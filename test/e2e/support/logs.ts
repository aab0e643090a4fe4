import {
  CloudWatchLogsClient,
  paginateDescribeLogGroups,
  paginateFilterLogEvents,
} from '@aws-sdk/client-cloudwatch-logs';
import { awsClient } from './aws.ts';

const client = new CloudWatchLogsClient(awsClient);

export interface LogLine {
  readonly group: string;
  readonly text: string;
}

/** All that the functions of the stack have logged since a time (milliseconds since 1970), or ever. */
export async function logLines(since = 0): Promise<readonly LogLine[]> {
  const lines: LogLine[] = [];
  for await (const groups of paginateDescribeLogGroups({ client }, {})) {
    for (const { logGroupName: group = '' } of groups.logGroups ?? []) {
      for await (const page of paginateFilterLogEvents({ client }, { logGroupName: group, startTime: since }))
        lines.push(...(page.events ?? []).map(({ message = '' }) => ({ group, text: message })));
    }
  }
  return lines;
}

/** The log lines of one event name of ours that concern one thing. */
export async function loggedAbout(event: string, id: string): Promise<readonly LogLine[]> {
  return (await logLines()).filter(({ text }) => text.includes(`"${event}"`) && text.includes(`"${id}"`));
}
