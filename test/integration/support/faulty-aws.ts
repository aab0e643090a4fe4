import http from 'node:http';
import type { AddressInfo } from 'node:net';

/** How AWS fails: calls whose `X-Amz-Target` matches get this error, or none but a broken connection. Calls of SNS and S3 have none: `SNS`, `S3`. */
export interface AwsFault {
  readonly target: RegExp;
  readonly answer: { readonly status: number; readonly type: string; readonly message: string } | 'dropped';
}

/** The engines behind: KMS has one of its own, which knows ReEncrypt. */
export interface Upstream {
  readonly kms: string;
  readonly others: string;
}

/** An AWS that fails as it is told: what it has no fault for goes on to an engine, byte by byte. */
export class FaultyAws implements AsyncDisposable {
  readonly #server: http.Server;
  readonly #upstream: Upstream;
  #fault: AwsFault | undefined;
  #failed = 0;

  private constructor(upstream: Upstream) {
    this.#upstream = upstream;
    this.#server = http.createServer((request, response) => this.#serve(request, response));
  }

  static async inFrontOf(upstream: Upstream): Promise<FaultyAws> {
    const aws = new FaultyAws(upstream);
    await new Promise<void>((listening) => aws.#server.listen(0, '127.0.0.1', listening));
    return aws;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Runs with the fault. @returns how many calls failed by it */
  async during(fault: AwsFault, run: () => Promise<void>): Promise<number> {
    this.#fault = fault;
    this.#failed = 0;
    try {
      await run();
    } finally {
      this.#fault = undefined;
    }
    return this.#failed;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((closed) => this.#server.close(closed));
  }

  #serve(request: http.IncomingMessage, response: http.ServerResponse): void {
    const fault = this.#fault;
    if (fault?.target.test(targetOf(request)) !== true) {
      this.#passOn(request, response);
      return;
    }
    this.#failed++;
    request.resume();
    if (fault.answer === 'dropped') {
      request.socket.destroy();
      return;
    }
    const { status, type, message } = fault.answer;
    response
      .writeHead(status, { 'content-type': 'application/x-amz-json-1.0', 'x-amzn-errortype': type })
      .end(JSON.stringify({ __type: type, message }));
  }

  /** With the Host that was signed. */
  #passOn(request: http.IncomingMessage, response: http.ServerResponse): void {
    const { kms, others } = this.#upstream;
    const isForKms = String(request.headers['x-amz-target']).startsWith('TrentService.');
    const { hostname, port } = new URL(isForKms ? kms : others);
    const onward = http.request(
      { hostname, port, method: request.method, path: request.url, headers: request.headers },
      (answer) => {
        response.writeHead(answer.statusCode ?? 500, answer.headers);
        answer.pipe(response);
      },
    );
    onward.on('error', () => response.destroy());
    request.pipe(onward);
  }
}

/** Whoever names no target is told by the scope of the signature (IAM user guide, "Create a signed AWS API request"). */
const targetOf = ({ headers }: http.IncomingMessage): string =>
  String(headers['x-amz-target'] ?? (headers.authorization?.includes('/sns/aws4_request') === true ? 'SNS' : 'S3'));
