export type CallbackAnswer =
  | {
      readonly answered: true;
      readonly status: number;
      readonly statusText: string;
      readonly body: string;
      readonly ms: number;
    }
  | { readonly answered: false; readonly curlErrno: number; readonly curlError: string; readonly ms: number };

// A callback's answer is only shown; nobody needs more of it.
const MAX_BODY_CHARACTERS = 4096;

/** Calls a callback as Meta does: no redirects followed, one time limit for all of it, a literal "+" in the path as %20. */
export async function requestCallback(
  url: string,
  init: { readonly method: string; readonly headers?: Record<string, string>; readonly body?: Uint8Array<ArrayBuffer> },
  timeoutMs: number,
  closing: AbortSignal,
): Promise<CallbackAnswer> {
  const started = performance.now();
  const elapsed = () => Math.round((performance.now() - started) * 10) / 10;
  const timeout = AbortSignal.timeout(timeoutMs);
  try {
    const response = await fetch(asMetaSpells(url), {
      ...init,
      redirect: 'manual',
      signal: AbortSignal.any([timeout, closing]),
    });
    const body = (await response.text()).slice(0, MAX_BODY_CHARACTERS);
    return { answered: true, status: response.status, statusText: response.statusText, body, ms: elapsed() };
  } catch (error) {
    return { answered: false, ...curlFailure(error, url, timeout.aborted), ms: elapsed() };
  }
}

function asMetaSpells(url: string): string {
  const [path, ...query] = url.split('?');
  return [(path ?? '').replaceAll('+', '%20'), ...query].join('?');
}

/** Meta names failures by curl's numbers: 28 time-out, 6 name, 7 connection, 60 certificate, 52 no answer. */
function curlFailure(error: unknown, url: string, timedOut: boolean): { curlErrno: number; curlError: string } {
  const host = URL.canParse(url) ? new URL(url).host : url;
  if (timedOut) return { curlErrno: 28, curlError: 'Operation timed out' };
  const cause = error instanceof Error ? error.cause : undefined;
  const code = cause !== null && typeof cause === 'object' && 'code' in cause ? String(cause.code) : '';
  switch (code) {
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return { curlErrno: 6, curlError: `Could not resolve host: ${host}` };
    case 'ECONNREFUSED':
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
      return { curlErrno: 7, curlError: `Failed to connect to ${host}` };
    case 'DEPTH_ZERO_SELF_SIGNED_CERT':
    case 'SELF_SIGNED_CERT_IN_CHAIN':
    case 'UNABLE_TO_VERIFY_LEAF_SIGNATURE':
    case 'ERR_TLS_CERT_ALTNAME_INVALID':
    case 'CERT_HAS_EXPIRED':
      return { curlErrno: 60, curlError: 'SSL certificate problem' };
    case 'UND_ERR_SOCKET':
    case 'ECONNRESET':
      return { curlErrno: 52, curlError: 'Empty reply from server' };
    default:
      return { curlErrno: 7, curlError: `Failed to connect to ${host}` };
  }
}
