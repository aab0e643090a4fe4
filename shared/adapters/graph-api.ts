import * as z from 'zod';
import { mediaId, phoneNumberId } from '../contracts/ids.ts';
import type { SecretBytes } from '../crypto/secret-bytes.ts';
import {
  type Graph,
  type GraphAccess,
  type GraphFailure,
  type GraphResult,
  isMetasOwn,
  type MediaFacts,
} from '../domain/graph.ts';
import type { MetaUsage } from '../domain/meta-usage.ts';
import { quotable } from '../domain/quotable.ts';
import type { AccountHealth } from '../domain/records.ts';
import { failureOf } from './graph-error.ts';
import { formOf, openMetaMedia } from './graph-media.ts';
import { usageOf } from './graph-usage.ts';

/** Meta's answer times are a few hundred milliseconds; a set-up call waits for our own handshake inside. In milliseconds. */
const readTimeout = 5_000;
const writeTimeout = 5_000;
const handshakeTimeout = 8_000;

/** A page of 100 each; nobody has more numbers or templates in one account than 60 pages hold (6,000 templates). */
const pageSize = 100;
const maxPages = 60;

const account = z.object({ name: z.string().nullish() });
const inspection = z.object({
  // An answer that does not say whether the token is valid, or what a valid one may do, says nothing against it.
  data: z
    .object({
      app_id: z.union([z.string(), z.number().transform(String)]).nullish(),
      is_valid: z.boolean(),
      expires_at: z.number().default(0),
      data_access_expires_at: z.number().default(0),
      scopes: z.array(z.string()).optional(),
      granular_scopes: z.array(z.object({ scope: z.string() })).optional(),
      error: z.object({ code: z.number().nullish(), subcode: z.number().nullish() }).nullish(),
    })
    .refine(
      ({ is_valid: isValid, scopes, granular_scopes: granular }) => !isValid || (scopes ?? granular) !== undefined,
    ),
});
const numberFields =
  'id,display_phone_number,verified_name,quality_rating,status,whatsapp_business_manager_messaging_limit';
const optionalText = z.string().nullish().catch(null);
interface Page<Item> {
  readonly data: readonly Item[];
  readonly paging?:
    | { readonly cursors?: { readonly after?: string | undefined } | undefined; readonly next?: string | undefined }
    | undefined;
}
const pageOf = <Item>(item: z.ZodType<Item>) =>
  z.object({
    data: z.array(item),
    paging: z
      .object({ cursors: z.object({ after: z.string().optional() }).optional(), next: z.string().optional() })
      .optional(),
  });
const numbersPage = pageOf(
  z.object({
    id: phoneNumberId,
    display_phone_number: optionalText,
    verified_name: optionalText,
    quality_rating: optionalText,
    status: optionalText,
    whatsapp_business_manager_messaging_limit: optionalText,
  }),
);
const templateFields = 'name,language,status,category,components';
const templatesPage = pageOf(
  z.object({
    name: z.string(),
    language: z.string(),
    status: z.string(),
    category: optionalText.transform((category) => category ?? null),
    components: z.array(z.record(z.string(), z.unknown())).catch([]),
  }),
);
const subscriptions = z.object({
  data: z.array(
    z.object({
      object: z.string(),
      callback_url: z.string().default(''),
      fields: z.array(z.union([z.string(), z.object({ name: z.string() }).transform(({ name }) => name)])).default([]),
    }),
  ),
});
const subscribedApps = z.object({
  data: z.array(
    z.object({
      whatsapp_business_api_data: z.object({ id: z.union([z.string(), z.number().transform(String)]) }),
      override_callback_uri: z.string().nullish(),
    }),
  ),
});
const healthStatus = z
  .object({
    entities: z.array(
      z.object({
        entity_type: optionalText,
        can_send_message: optionalText,
        additional_info: z.array(z.string()).nullish().catch(null),
        errors: z
          .array(z.object({ error_description: optionalText, possible_solution: optionalText }))
          .nullish()
          .catch(null),
      }),
    ),
  })
  .nullish()
  .catch(null);
const accountNode = z.object({ health_status: healthStatus });
const numberNode = z.object({
  health_status: healthStatus,
  platform_type: optionalText,
  throughput: z.object({ level: optionalText }).nullish().catch(null),
  name_status: optionalText,
});
const numberCallback = z.object({
  webhook_configuration: z.object({ phone_number: z.string().optional() }).optional(),
});
const sentMessage = z.object({ messages: z.array(z.object({ id: z.string() })).min(1) });
const mediaNode = z.object({
  url: z.url(),
  mime_type: z.string().min(1),
  sha256: z.string(),
  // A number and a string have both been seen.
  file_size: z.coerce.number().int().nonnegative(),
});
const uploaded = z.object({ id: z.union([mediaId, z.number().transform((id) => mediaId.parse(String(id)))]) });
const anything = z.unknown();

interface Call {
  readonly method: 'GET' | 'POST' | 'DELETE';
  readonly path: string;
  readonly token: SecretBytes;
  readonly proof?: SecretBytes;
  readonly proofMayLag?: boolean;
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: Readonly<Record<string, unknown>>;
  readonly form?: FormData;
  readonly onUsage?: ((usage: MetaUsage) => void) | undefined;
  readonly timeout: number;
}

export interface GraphApiOptions {
  readonly baseUrl: string;
  readonly version: string;
  /** Hears of each request whether Meta failed at it: no answer, one that can't be read, or an error of its own. Its no to us is none. */
  readonly onAnswer?: (answer: { readonly failed: boolean }) => void;
}

/**
 * The only client of Meta's Graph API. The token travels in the Authorization header with its appsecret_proof; the one exception is
 * debug_token, which wants the inspected token in its URL. Nothing of a request or an answer is logged here.
 */
export const graphApi = (settings: GraphApiOptions): Graph => {
  const call = async <T>(schema: z.ZodType<T>, request: Call): Promise<GraphResult<T>> => {
    const { proof, ...withoutProof } = request;
    const answer = await callOnce(schema, request);
    // A refused proof means that nothing took effect.
    const proofLags =
      proof !== undefined &&
      request.proofMayLag === true &&
      !answer.ok &&
      answer.failure.kind === 'refused' &&
      answer.failure.refusal === 'proof-invalid';
    return proofLags ? callOnce(schema, withoutProof) : answer;
  };

  const callOnce = async <T>(schema: z.ZodType<T>, request: Call): Promise<GraphResult<T>> => {
    const answer = await ask(schema, request);
    settings.onAnswer?.({ failed: !answer.ok && isMetasOwn(answer.failure) });
    return answer;
  };

  const ask = async <T>(schema: z.ZodType<T>, request: Call): Promise<GraphResult<T>> => {
    const url = new URL(`${settings.baseUrl.replace(/\/$/, '')}/${settings.version}/${request.path}`);
    for (const [name, value] of Object.entries(request.query ?? {})) url.searchParams.set(name, value);
    if (request.proof) url.searchParams.set('appsecret_proof', request.proof.revealText());
    let response: Response;
    try {
      response = await fetch(url, {
        method: request.method,
        headers: {
          authorization: `Bearer ${request.token.revealText()}`,
          ...(request.body ? { 'content-type': 'application/json' } : {}),
        },
        ...(request.body ? { body: JSON.stringify(request.body) } : {}),
        ...(request.form ? { body: request.form } : {}),
        // A redirect would carry the token elsewhere.
        redirect: 'error',
        signal: AbortSignal.timeout(request.timeout),
      });
    } catch (error) {
      return { ok: false, failure: { kind: neverLeft(error) ? 'not-sent' : 'unknown-outcome' } };
    }
    const usage = request.onUsage && usageOf(response.headers);
    if (usage !== undefined) request.onUsage?.(usage);
    const body: unknown = await response.json().catch(() => undefined);
    if (!response.ok) return { ok: false, failure: failureOf(body) };
    const parsed = schema.safeParse(body);
    return parsed.success ? { ok: true, value: parsed.data } : { ok: false, failure: { kind: 'unknown-outcome' } };
  };

  const as = ({ accessToken, proof, proofMayLag = false, onUsage }: GraphAccess) => ({
    token: accessToken,
    proof,
    proofMayLag,
    onUsage,
  });

  const allPages = async <Item>(
    schema: z.ZodType<Page<Item>>,
    path: string,
    fields: string,
    access: GraphAccess,
  ): Promise<GraphResult<readonly Item[]>> => {
    const items: Item[] = [];
    let after: string | undefined;
    // Why not `paging.next`: it lacks the proof and would be a URL that somebody else chose.
    for (let page = 0; page < maxPages; page++) {
      const answer = await call(schema, {
        method: 'GET',
        path,
        query: { fields, limit: String(pageSize), ...(after === undefined ? {} : { after }) },
        timeout: readTimeout,
        ...as(access),
      });
      if (!answer.ok) return answer;
      items.push(...answer.value.data);
      after = answer.value.paging?.cursors?.after;
      if (answer.value.paging?.next === undefined || after === undefined) break;
    }
    return { ok: true, value: items };
  };

  return {
    async inspectToken(appToken, accessToken) {
      const answer = await call(inspection, {
        method: 'GET',
        path: 'debug_token',
        token: appToken,
        query: { input_token: accessToken.revealText() },
        timeout: readTimeout,
      });
      if (!answer.ok) {
        // The caller is the app token: whatever is wrong with it is the App Secret, unless the app itself is unknown.
        const { failure } = answer;
        return failure.kind === 'refused' && failure.refusal === 'token-invalid'
          ? { ok: false, failure: { ...failure, refusal: 'app-secret-wrong' } }
          : answer;
      }
      const { data } = answer.value;
      return {
        ok: true,
        value: {
          valid: data.is_valid,
          appId: data.app_id ?? null,
          errorCode: data.error?.code ?? null,
          errorSubcode: data.error?.subcode ?? null,
          expiresAt: endOf(data.expires_at, data.data_access_expires_at),
          permissions: new Set([...(data.scopes ?? []), ...(data.granular_scopes ?? []).map(({ scope }) => scope)]),
        },
      };
    },

    async readBusinessAccount(access, wabaId) {
      const answer = await call(account, {
        method: 'GET',
        path: wabaId,
        query: { fields: 'id,name' },
        timeout: readTimeout,
        ...as(access),
      });
      return answer.ok ? { ok: true, value: { name: answer.value.name ?? null } } : answer;
    },

    async listPhoneNumbers(access, wabaId) {
      const answer = await allPages(numbersPage, `${wabaId}/phone_numbers`, numberFields, access);
      return answer.ok
        ? {
            ok: true,
            value: answer.value.map((number) => ({
              phoneNumberId: number.id,
              displayPhoneNumber: number.display_phone_number ?? null,
              verifiedName: number.verified_name ?? null,
              status: number.status ?? null,
              qualityRating: number.quality_rating ?? null,
              messagingLimit: number.whatsapp_business_manager_messaging_limit ?? null,
            })),
          }
        : answer;
    },

    async readAccountHealth(access, wabaId) {
      const answer = await call(accountNode, {
        method: 'GET',
        path: wabaId,
        query: { fields: 'health_status' },
        timeout: readTimeout,
        ...as(access),
      });
      if (!answer.ok) return answer;
      const health = answer.value.health_status;
      // What does not speak of the account itself says nothing about it.
      const isToldOf = health?.entities.some((it) => it.entity_type === 'WABA' && it.can_send_message != null) === true;
      return { ok: true, value: worstOf(isToldOf ? health : null, (type) => type !== 'PHONE_NUMBER') };
    },

    async readNumberHealth(access, number) {
      const answer = await call(numberNode, {
        method: 'GET',
        path: number,
        query: { fields: 'health_status,platform_type,throughput,name_status' },
        timeout: readTimeout,
        ...as(access),
      });
      if (!answer.ok) return answer;
      const { health_status: health, platform_type: platformType, throughput, name_status: nameStatus } = answer.value;
      const { canSend, problem } = worstOf(health, (type) => type === 'PHONE_NUMBER');
      return {
        ok: true,
        value: {
          canSend,
          problem,
          platformType: platformType ?? null,
          throughput: throughput?.level ?? null,
          nameStatus: nameStatus ?? null,
        },
      };
    },

    listTemplates: (access, wabaId) => allPages(templatesPage, `${wabaId}/message_templates`, templateFields, access),

    async readAppSubscription(appToken, appId) {
      const answer = await call(subscriptions, {
        method: 'GET',
        path: `${appId}/subscriptions`,
        token: appToken,
        timeout: readTimeout,
      });
      if (!answer.ok) return answer;
      const found = answer.value.data.find(({ object }) => object === 'whatsapp_business_account');
      return { ok: true, value: found ? { callbackUrl: found.callback_url, fields: found.fields } : null };
    },

    subscribeApp: (appToken, appId, { callbackUrl, fields }, verifyToken) =>
      done(
        call(anything, {
          method: 'POST',
          path: `${appId}/subscriptions`,
          token: appToken,
          body: {
            object: 'whatsapp_business_account',
            callback_url: callbackUrl,
            verify_token: verifyToken,
            fields: fields.join(','),
          },
          timeout: handshakeTimeout,
        }),
      ),

    unsubscribeApp: (appToken, appId) =>
      done(
        call(anything, {
          method: 'DELETE',
          path: `${appId}/subscriptions`,
          token: appToken,
          query: { object: 'whatsapp_business_account' },
          timeout: writeTimeout,
        }),
      ),

    async listSubscribedApps(access, wabaId) {
      const answer = await call(subscribedApps, {
        method: 'GET',
        path: `${wabaId}/subscribed_apps`,
        timeout: readTimeout,
        ...as(access),
      });
      return answer.ok
        ? {
            ok: true,
            value: answer.value.data.map((entry) => ({
              appId: entry.whatsapp_business_api_data.id,
              override: entry.override_callback_uri || null,
            })),
          }
        : answer;
    },

    subscribeBusinessAccount: (access, wabaId) =>
      done(call(anything, { method: 'POST', path: `${wabaId}/subscribed_apps`, timeout: writeTimeout, ...as(access) })),

    unsubscribeBusinessAccount: (access, wabaId) =>
      done(
        call(anything, { method: 'DELETE', path: `${wabaId}/subscribed_apps`, timeout: writeTimeout, ...as(access) }),
      ),

    async readNumberCallback(access, number) {
      const answer = await call(numberCallback, {
        method: 'GET',
        path: number,
        query: { fields: 'webhook_configuration' },
        timeout: readTimeout,
        ...as(access),
      });
      return answer.ok ? { ok: true, value: answer.value.webhook_configuration?.phone_number || null } : answer;
    },

    overrideNumberCallback: (access, number, callbackUrl, verifyToken) =>
      done(
        call(anything, {
          method: 'POST',
          path: number,
          body: { webhook_configuration: { override_callback_uri: callbackUrl, verify_token: verifyToken } },
          timeout: handshakeTimeout,
          ...as(access),
        }),
      ),

    clearNumberCallback: (access, number) =>
      done(
        call(anything, {
          method: 'POST',
          path: number,
          body: { webhook_configuration: { override_callback_uri: '' } },
          timeout: writeTimeout,
          ...as(access),
        }),
      ),

    registerNumber: (access, number, pin) =>
      done(
        call(anything, {
          method: 'POST',
          path: `${number}/register`,
          body: { messaging_product: 'whatsapp', pin: pin.revealText() },
          timeout: handshakeTimeout,
          ...as(access),
        }),
      ),

    async sendMessage(access, number, message) {
      const answer = await call(sentMessage, {
        method: 'POST',
        path: `${number}/messages`,
        body: message,
        timeout: writeTimeout,
        ...as(access),
      });
      const wamid = answer.ok ? answer.value.messages[0]?.id : undefined;
      if (!answer.ok) return answer;
      return wamid === undefined ? { ok: false, failure: { kind: 'unknown-outcome' } } : { ok: true, value: { wamid } };
    },

    markRead: (access, number, messageId, { typing }) =>
      done(
        call(anything, {
          method: 'POST',
          path: `${number}/messages`,
          body: {
            messaging_product: 'whatsapp',
            status: 'read',
            message_id: messageId,
            ...(typing ? { typing_indicator: { type: 'text' } } : {}),
          },
          timeout: writeTimeout,
          ...as(access),
        }),
      ),

    async describeMedia(access, number, media) {
      const described = (query: Record<string, string>) =>
        call(mediaNode, { method: 'GET', path: media, query, timeout: readTimeout, ...as(access) });
      const answer = await described({ phone_number_id: number });
      if (!answer.ok) return isOfParameter(answer.failure) ? factsOf(await described({})) : answer;
      return factsOf(answer);
    },

    openMedia: (access, url, timeout) => openMetaMedia(access.accessToken, url, settings.baseUrl, timeout),

    async uploadMedia(access, number, media, timeout) {
      const until = Date.now() + timeout;
      await using form = await formOf(media);
      const answer = await call(uploaded, {
        method: 'POST',
        path: `${number}/media`,
        form: form.data,
        // Gathering the file has taken its part.
        timeout: Math.max(1, until - Date.now()),
        ...as(access),
      });
      return answer.ok ? { ok: true, value: { mediaId: answer.value.id } } : answer;
    },
  };
};

/**
 * The parameter is documented, and has been refused for what came by a webhook ("Param phone_number_id is not a valid whatsapp business phone
 * number id"). Without it the token still sees its own accounts alone.
 */
const isOfParameter = (failure: GraphFailure): boolean =>
  failure.kind === 'refused' && failure.code === 100 && failure.subcode === undefined;

const factsOf = (answer: GraphResult<z.infer<typeof mediaNode>>): GraphResult<MediaFacts> => {
  if (!answer.ok) return answer;
  const { url, mime_type: contentType, sha256, file_size: bytes } = answer.value;
  return { ok: true, value: { url, contentType, sha256, bytes } };
};

/** The token of a user reads nothing any more once its access to data has ended, although it lives on. In epoch seconds; 0: never. */
const endOf = (...ends: readonly number[]): Date | null => {
  const [first] = ends.filter((end) => end !== 0).sort((one, other) => one - other);
  return first === undefined ? null : new Date(first * 1000);
};

/** The better it is the earlier it stands; what is not named here is worse than what is. */
const abilities: readonly string[] = ['AVAILABLE', 'LIMITED'];
const badnessOf = (ability: string): number => (abilities.includes(ability) ? abilities.indexOf(ability) : 2);

/**
 * The worst of the entities. Why not Meta's own aggregate: it counts calls, too, and has been seen BLOCKED while every message could be sent
 * ("Messaging health status").
 */
const worstOf = (health: z.infer<typeof healthStatus>, wanted: (entityType: string) => boolean): AccountHealth => {
  const [worst] = (health?.entities ?? [])
    .flatMap((entity) => {
      const canSend = entity.can_send_message;
      return canSend == null || !wanted(entity.entity_type ?? '') ? [] : [{ ...entity, canSend }];
    })
    .toSorted((one, other) => badnessOf(other.canSend) - badnessOf(one.canSend));
  if (worst === undefined) return { canSend: null, problem: null, entity: null };
  const words = [
    ...(worst.additional_info ?? []),
    ...(worst.errors ?? []).flatMap((it) => [it.error_description, it.possible_solution]),
  ];
  return {
    canSend: worst.canSend,
    entity: worst.entity_type ?? null,
    problem: worst.canSend === 'AVAILABLE' ? null : (quotable(words.filter(Boolean).join(' ')) ?? null),
  };
};

const done = async (answer: Promise<GraphResult<unknown>>): Promise<GraphResult<void>> => {
  const result = await answer;
  return result.ok ? { ok: true, value: undefined } : result;
};

/** Errors of the connection itself: no byte of the request reached Meta. */
const connectErrors = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'UND_ERR_CONNECT_TIMEOUT',
]);

const neverLeft = (error: unknown): boolean => {
  const cause = error instanceof Error ? error.cause : undefined;
  return cause instanceof Error && 'code' in cause && connectErrors.has(String(cause.code));
};
