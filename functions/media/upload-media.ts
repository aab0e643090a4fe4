import * as z from 'zod';
import { type AgentId, agentId, type TransferId, transferId } from '../../shared/contracts/ids.ts';
import {
  mostBytes,
  mostBytesDirect,
  outboundPrefix,
  type UploadRequest,
  uploadKinds,
  uploadRequest,
  uploadSeconds,
} from '../../shared/contracts/media.ts';
import { digestOf, unguessable } from '../../shared/crypto/identifiers.ts';
import type { Graph } from '../../shared/domain/graph.ts';
import { withGraphAccess } from '../../shared/domain/graph-access.ts';
import type { MediaDoor } from '../../shared/domain/media-relay.ts';
import { type MediaTransferStore, notBegun } from '../../shared/domain/media-transfer.ts';
import { refusalOfMedia, tooLarge } from '../../shared/domain/move-media.ts';
import { type NumberOfAgentPorts, numberOfAgent } from '../../shared/domain/number-of-agent.ts';
import { isRefused, type Refused, refuse } from '../../shared/domain/outcome.ts';
import type { NumberRecord } from '../../shared/domain/records.ts';
import type { SecretOpener } from '../../shared/domain/vault.ts';
import type { Answer } from '../edge/answer.ts';
import { apiRoute } from '../edge/api-lambda.ts';
import type { Caller } from '../edge/caller.ts';
import * as ports from '../edge/ports.ts';
import { parseBody } from '../edge/request-parsing.ts';

export interface UploadMediaPorts extends NumberOfAgentPorts {
  readonly transfers: Pick<MediaTransferStore, 'open'>;
  readonly door: Pick<MediaDoor, 'signUpload'>;
  readonly opener: SecretOpener;
  readonly graph: Pick<Graph, 'uploadMedia'>;
  readonly now: () => Date;
  readonly timeLeft: () => number;
}

/** The file itself, if it is small, or the wish for a form to upload it with. */
export type MediaBody =
  | { readonly file: Uint8Array; readonly contentType: string }
  | { readonly file: null; readonly wish: UploadRequest };

/** Reads the body by its Content-Type: JSON asks for a form, a type that WhatsApp takes is the file. */
export const readMediaBody = (
  rawBody: Uint8Array,
  contentType: string | undefined,
): { readonly body: MediaBody } | Refused => {
  const type = contentType?.split(';')[0]?.trim().toLowerCase() ?? '';
  if (type === 'application/json') {
    const wish = parseBody(rawBody, uploadRequest);
    return isRefused(wish) ? wish : { body: { file: null, wish: wish.body } };
  }
  const kind = uploadKinds.get(type);
  if (kind === undefined)
    return refuse('media-type-refused', {
      detail: 'The Content-Type is none that WhatsApp takes.',
      guidance: `Send the file itself as the body, with one of these types: ${[...uploadKinds.keys()].join(', ')}.`,
    });
  if (type.startsWith('text/'))
    return refuse('media-type-refused', {
      detail: 'A text is not taken as the body: API Gateway reads it as UTF-8, which would change any other.',
      guidance: `Send {"contentType": "${type}"} instead: the answer is a form, which takes the file as it is.`,
    });
  if (rawBody.byteLength === 0) return refuse('upload-missing', { guidance: 'Send the file itself as the body.' });
  if (rawBody.byteLength > mostBytes[kind]) return refuse('media-too-large', tooLarge(kind));
  if (rawBody.byteLength > mostBytesDirect)
    return refuse('body-too-large', {
      detail: `At most ${mostBytesDirect} bytes are accepted directly.`,
      guidance: 'Send {"contentType": …} instead: the answer is a form for a larger file.',
    });
  return { body: { file: rawBody, contentType: type } };
};

/** Takes a file to Meta, for the agent to send; or gives the agent a form to bring a larger one with. */
export const uploadMedia = async (
  { tenantId }: Caller,
  id: AgentId,
  body: MediaBody,
  requestDigest: string | null,
  ports: UploadMediaPorts,
): Promise<Answer | Refused> => {
  const number = await numberOfAgent(tenantId, id, ports);
  if (isRefused(number)) return number;
  return body.file === null
    ? offerForm(number, id, body.wish, requestDigest, ports)
    : handOver(number, { content: body.file, contentType: body.contentType }, ports);
};

/** Kept back for the answer. In milliseconds. */
const closingReserve = 3_000;

const handOver = async (
  number: NumberRecord,
  media: { readonly content: Uint8Array; readonly contentType: string },
  { opener, graph, timeLeft }: UploadMediaPorts,
): Promise<Answer | Refused> => {
  const sent = await withGraphAccess(opener, number, (access) =>
    graph.uploadMedia(access, number.phoneNumberId, media, timeLeft() - closingReserve),
  );
  if (sent.ok) return { kind: 'created', body: { id: sent.value.mediaId } };
  // One that nobody sends costs nothing and is gone after 30 days: it may be uploaded again.
  return refusalOfMedia(sent.failure);
};

const offerForm = async (
  { tenantId, phoneNumberId }: NumberRecord,
  id: AgentId,
  { contentType }: UploadRequest,
  requestDigest: string | null,
  { transfers, door, now }: UploadMediaPorts,
): Promise<Answer | Refused> => {
  const kind = uploadKinds.get(contentType);
  if (kind === undefined) return refuse('media-type-refused');
  const uploadId = uploadIdFor(requestDigest);
  const at = now();
  const objectKey = `${outboundPrefix}${tenantId}/${uploadId}`;
  const open = await transfers.open({
    direction: 'outbound',
    transferId: uploadId,
    tenantId,
    agentId: id,
    phoneNumberId,
    objectKey,
    contentType,
    mediaId: null,
    createdAt: at.toISOString(),
    changedAt: at.toISOString(),
    ...notBegun,
  });
  if (open.state !== 'new')
    return refuse('idempotency-key-reused', {
      detail: 'The upload under this Idempotency-Key has been completed, or was tried to be.',
      guidance: 'Use a new Idempotency-Key for another file.',
    });
  const maxBytes = mostBytes[kind];
  const form = await door.signUpload(objectKey, { contentType, mostBytes: maxBytes });
  const expiresAt = new Date(at.getTime() + uploadSeconds * 1000).toISOString();
  // The form is as good as a key: it is made anew for a repeat, and kept nowhere.
  return { kind: 'created', body: { id: uploadId, ...form, maxBytes, expiresAt }, isRemade: true };
};

/** The same for a repeat under the same Idempotency-Key. */
const uploadIdFor = (requestDigest: string | null): TransferId =>
  transferId.parse(`upl_${requestDigest === null ? unguessable() : digestOf('upload', requestDigest)}`);

export const uploadMediaRoute = apiRoute({
  routeKey: 'POST /v1/agents/{agentId}/media',
  path: z.object({ agentId }),
  readBody: readMediaBody,
  idempotent: true,
  run: ({ caller, path, body, requestDigest, timeLeft }) =>
    uploadMedia(caller, path.agentId, body, requestDigest, {
      agents: ports.agents(),
      routing: ports.routing(),
      transfers: ports.mediaTransfers(),
      door: ports.mediaDoor(),
      opener: ports.opener(),
      graph: ports.graph(),
      now: () => new Date(),
      timeLeft,
    }),
});
