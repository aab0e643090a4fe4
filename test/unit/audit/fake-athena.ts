import { jsonAnswer, loopbackServer } from '../../support/loopback-server.ts';

export interface AthenaScript {
  /** What a query is in, look after look; the last one stays. */
  readonly states: readonly string[];
  readonly reason?: string;
  /** Cells of rows of pages. */
  readonly pages: readonly (readonly (readonly (string | undefined)[])[])[];
}

export interface FakeAthena extends AsyncDisposable {
  readonly url: string;
  /** The queries that were started, as they came. */
  readonly started: readonly unknown[];
}

/** A loopback server that speaks as much of Athena's JSON protocol as one query needs. */
export async function fakeAthena({ states, reason, pages }: AthenaScript): Promise<FakeAthena> {
  const started: unknown[] = [];
  let looks = 0;
  const answers: Readonly<Record<string, (input: Readonly<Record<string, unknown>>) => object>> = {
    StartQueryExecution: (input) => {
      started.push(input);
      return { QueryExecutionId: 'query-1' };
    },
    GetQueryExecution: () => {
      const State = states[Math.min(looks++, states.length - 1)];
      return { QueryExecution: { QueryExecutionId: 'query-1', Status: { State, StateChangeReason: reason } } };
    },
    GetQueryResults: ({ NextToken }) => {
      const page = Number(NextToken ?? 0);
      const Rows = pages[page]?.map((cells) => ({
        Data: cells.map((cell) => (cell === undefined ? {} : { VarCharValue: cell })),
      }));
      return { ResultSet: { Rows }, ...(page + 1 < pages.length ? { NextToken: String(page + 1) } : {}) };
    },
  };
  const server = await loopbackServer(({ headers, body }, response) => {
    const operation = String(headers['x-amz-target']).replace('AmazonAthena.', '');
    const input: Record<string, unknown> = JSON.parse(body);
    jsonAnswer(response, 200, answers[operation]?.(input));
  });
  return { url: server.url, started, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() };
}
