import { readFileSync } from 'node:fs';
import { dirname } from 'node:path';

/** What stack.json says of a running copy, and where that file lies. */
export interface Stack {
  readonly api: string;
  readonly simulator: string;
  readonly issuer: string;
  readonly awsEndpoint: string;
  readonly region: string;
  readonly stateDirectory: string;
}

declare module 'vitest' {
  export interface ProvidedContext {
    readonly stack: Stack;
    /** A folder where the files of one run write down the secrets that they use and the answers that they get. */
    readonly recordDirectory: string;
  }
}

export function readStack(file: string): Stack {
  return {
    ...(JSON.parse(readFileSync(file, 'utf8')) as Omit<Stack, 'stateDirectory'>),
    stateDirectory: dirname(file),
  };
}
