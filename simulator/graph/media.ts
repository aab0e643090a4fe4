import { cloudApiError, invalidParameter, invisibleObject } from '../errors.ts';
import { announcedSha256, type MediaItem } from '../media-library.ts';
import { type MediaKind, maxBytesOf, uploadTypes } from '../media-types.ts';
import type { PhoneNumber } from '../seed.ts';
import type { Simulation } from '../simulation.ts';
import { type NodeType, selectFields } from './fields.ts';
import type { GraphCall } from './graph-call.ts';
import { requireAccess, requirePhoneAccess } from './permissions.ts';
import { requireMessagingProduct } from './phone-number.ts';

const FIELDS = ['messaging_product', 'url', 'mime_type', 'sha256', 'file_size', 'id'];
const node: NodeType = { name: 'WhatsAppBusinessMedia', fields: new Set(FIELDS), defaults: FIELDS };

/**
 * POST /{phone-number-id}/media: keeps a file for 30 days, to be sent by its id.
 * @throws GraphError 10, 100, 131053, 133010
 */
export function uploadMedia(simulation: Simulation, phone: PhoneNumber, call: GraphCall) {
  requirePhoneAccess(simulation.state, call, phone, 'whatsapp_business_messaging');
  requireMessagingProduct(call);
  const type = call.params.text('type');
  if (type === undefined) throw invalidParameter('The parameter type is required.');
  const { file } = call;
  if (file === null) throw invalidParameter('The parameter file is required.');
  if (!phone.registered) throw cloudApiError(133010);
  // The live API is known to judge the type of the file's own part, and to refuse one with parameters in `type`.
  requireUploadType(type);
  const kind = requireUploadType(file.mimeType);
  const { path, size, sha256 } = file.stored;
  // No refusal of a file that is too large is documented; 131053 is what Meta calls an upload that failed.
  if (size > maxBytesOf[kind]) {
    throw cloudApiError(131053, `The file has more than the ${maxBytesOf[kind]} bytes that a ${kind} may have.`);
  }
  const { id } = simulation.media.add({
    phoneNumberId: phone.id,
    direction: 'upload',
    mimeType: file.mimeType,
    filename: file.filename,
    content: { from: 'file', path },
    size,
    sha256,
  });
  return { id };
}

/** GET /{media-id}, of an upload or of what a customer sent: a fresh address for the bytes. @throws GraphError 10, 100/33 */
export function describeMedia(simulation: Simulation, item: MediaItem, call: GraphCall) {
  requireMediaAccess(simulation, item, call);
  const values = {
    messaging_product: 'whatsapp',
    url: simulation.media.urlOf(item, new URL(call.baseUrl).origin),
    mime_type: item.mimeType,
    sha256: announcedSha256(item),
    file_size: item.lies.fileSize ?? item.size,
    id: item.id,
  };
  return selectFields(node, values, call.params.text('fields'));
}

/** DELETE /{media-id} @throws GraphError 10, 100/33 */
export function deleteMedia(simulation: Simulation, item: MediaItem, call: GraphCall) {
  requireMediaAccess(simulation, item, call);
  simulation.media.remove(item.id);
  return { success: true };
}

/** Meta does not tell apart what is unknown, has expired, or is somebody else's or another number's. */
function requireMediaAccess({ state }: Simulation, item: MediaItem, call: GraphCall): void {
  const phone = state.phoneNumbers.get(item.phoneNumberId);
  const named = call.params.text('phone_number_id') ?? item.phoneNumberId;
  if (phone === undefined || named !== phone.id) throw invisibleObject(call.method, item.id);
  requireAccess(call, item.id, phone.wabaId, 'whatsapp_business_messaging');
}

function requireUploadType(type: string): MediaKind {
  const kind = uploadTypes.get(type.toLowerCase());
  if (kind === undefined) {
    throw invalidParameter(
      `Param file must be a file with one of the following types: ${[...uploadTypes.keys()].join(', ')}. Received file of type '${type}'.`,
    );
  }
  return kind;
}
