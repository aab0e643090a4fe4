import { openAsBlob } from 'node:fs';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { SecretBytes } from '../crypto/secret-bytes.ts';
import type { MediaSource, MediaUpload } from '../domain/graph.ts';

/** Where Meta serves media from ("Media", Cloud API reference: lookaside.fbsbx.com), and its other names. */
const metaDomains = ['facebook.com', 'fbsbx.com', 'fbcdn.net', 'whatsapp.net'];

/** Meta's own hosts, and the one that stands for Meta where the operator has set another. A token goes nowhere else. */
export const isMetas = ({ protocol, port, hostname, origin, username, password }: URL, graphUrl: string): boolean => {
  if (username !== '' || password !== '') return false;
  if (origin === new URL(graphUrl).origin) return true;
  return (
    protocol === 'https:' &&
    port === '' &&
    metaDomains.some((domain) => hostname === domain || hostname.endsWith(`.${domain}`))
  );
};

const mostRedirects = 3;

/** Begins a download with the token, which goes to Meta's hosts alone, through redirects too. */
export const openMetaMedia = async (
  accessToken: SecretBytes,
  from: string,
  graphUrl: string,
  timeout: number,
): Promise<MediaSource> => {
  const signal = AbortSignal.timeout(Math.max(1, timeout));
  let url = URL.parse(from);
  try {
    for (let redirects = 0; redirects <= mostRedirects; redirects++) {
      if (url === null || !isMetas(url, graphUrl)) return { outcome: 'foreign-host' };
      const response = await fetch(url, {
        // Some hosts refuse a client without a name.
        headers: { authorization: `Bearer ${accessToken.revealText()}`, 'user-agent': 'switchboard' },
        redirect: 'manual',
        signal,
      });
      if (response.status === 200 && response.body !== null) return { outcome: 'opened', content: response.body };
      await response.body?.cancel();
      const next = response.headers.get('location');
      if (response.status < 300 || response.status >= 400 || next === null)
        return { outcome: response.status === 404 ? 'gone' : 'unavailable' };
      url = URL.parse(next, url.href);
    }
  } catch {
    // No answer, or none in time.
  }
  return { outcome: 'unavailable' };
};

/**
 * The form that Meta wants, with its length known from the start. What comes as a stream goes through a file, so that it is never held in memory as
 * a whole; the file is gone when the form is disposed of.
 */
export const formOf = async ({
  content,
  contentType: type,
}: MediaUpload): Promise<{ readonly data: FormData } & AsyncDisposable> => {
  if (content instanceof Uint8Array)
    return { data: formWith(new Blob([Buffer.from(content)], { type })), [Symbol.asyncDispose]: async () => {} };
  // One at a time in a process: what another one has left when it was killed goes first, for there is room for five.
  const directory = join(tmpdir(), `media-${process.pid}`);
  const dispose = () => rm(directory, { recursive: true, force: true });
  await dispose();
  await mkdir(directory, { mode: 0o700 });
  try {
    const path = join(directory, 'file');
    await writeFile(path, content, { mode: 0o600 });
    return { data: formWith(await openAsBlob(path, { type })), [Symbol.asyncDispose]: dispose };
  } catch (error) {
    await dispose();
    throw error;
  }
};

const formWith = (file: Blob): FormData => {
  const form = new FormData();
  form.set('messaging_product', 'whatsapp');
  form.set('type', file.type);
  form.set('file', file, 'file');
  return form;
};
