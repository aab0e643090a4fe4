import { EventEmitter } from 'node:events';
import {
  type App,
  type AppSubscription,
  type Customer,
  defaultSettings,
  type ForeignCallback,
  type PhoneNumber,
  type PhoneOverride,
  type Seed,
  type Settings,
  type Token,
  type Waba,
  type WabaSubscription,
} from './seed.ts';

/** A seed that contradicts itself or what is already there; the message says where. */
export class SeedError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'SeedError';
  }
}

/** What was posted to `{phone-number-id}/messages`: a message, or a read receipt with or without typing. */
export interface SentItem {
  readonly at: string;
  readonly kind: 'message' | 'read';
  readonly phoneNumberId: string;
  /** The token's name in the seed, never its value. */
  readonly tokenName: string;
  /** Digits of the recipient, a user id or a group id; null for read receipts. */
  readonly to: string | null;
  readonly wamid: string;
  readonly typing: boolean;
  /** The body as it came, without credentials. */
  readonly body: Readonly<Record<string, unknown>>;
}

/** A medium that the simulator holds, as a bubble shows it. */
export interface ChatMedia {
  readonly id: string;
  readonly mimeType: string;
  readonly filename: string | null;
}

/** One bubble on the customer's phone. */
export interface ChatItem {
  readonly wamid: string;
  readonly from: 'customer' | 'business';
  readonly type: string;
  readonly text: string;
  readonly buttons: { id: string; title: string }[];
  readonly media: ChatMedia | null;
  readonly at: number;
  ticks: 'sending' | 'sent' | 'delivered' | 'read' | 'failed';
  note: string | null;
}

export interface Conversation {
  readonly phoneNumberId: string;
  readonly waId: string;
  readonly items: ChatItem[];
  /** Unix milliseconds until which "typing…" shows. */
  typingUntil: number;
}

export interface ForeignDelivery {
  readonly at: string;
  readonly name: string;
  readonly kind: 'handshake' | 'webhook';
  readonly status: number;
  readonly body: string | null;
}

// Logs are for looking at the recent past; a simulator that runs for days must not grow without end.
const MAX_LOG_ITEMS = 20_000;
const MAX_CHAT_ITEMS = 500;
const MAX_CONVERSATIONS = 5_000;

export function pushBounded<T>(log: T[], item: T, max = MAX_LOG_ITEMS): void {
  log.push(item);
  if (log.length > max) log.splice(0, log.length - max);
}

/** Everything the simulated Meta knows. Emits "conversation" when a chat changes and "change" when anything is stored. */
export class State extends EventEmitter<{ conversation: [Conversation]; change: [] }> {
  readonly apps = new Map<string, App>();
  readonly wabas = new Map<string, Waba>();
  readonly phoneNumbers = new Map<string, PhoneNumber>();
  readonly tokens = new Map<string, Token>();
  readonly customers = new Map<string, Customer>();
  readonly appSubscriptions = new Map<string, AppSubscription>();
  readonly foreignCallbacks = new Map<string, ForeignCallback>();
  readonly #wabaSubscriptions = new Map<string, WabaSubscription>();
  readonly #phoneOverrides = new Map<string, PhoneOverride>();
  readonly #tokensByValue = new Map<string, Token>();
  readonly #conversations = new Map<string, Conversation>();
  readonly #conversationByWamid = new Map<string, Conversation>();
  readonly sent: SentItem[] = [];
  readonly foreignDeliveries: ForeignDelivery[] = [];
  settings: Settings = { ...defaultSettings, statuses: [...defaultSettings.statuses] };
  /** The address at which this simulator listens: what "{self}" in a seed stands for. */
  selfUrl = '';

  constructor() {
    super();
    this.setMaxListeners(0);
  }

  /** Adds the seed's things, replacing those with the same id. All or nothing. @throws SeedError */
  merge(seed: Seed): void {
    this.#refuseContradictions(seed);
    Object.assign(this.settings, withoutUndefined(seed.settings ?? {}));
    for (const app of seed.apps) this.apps.set(app.id, app);
    for (const waba of seed.wabas) this.wabas.set(waba.id, waba);
    for (const phone of seed.phoneNumbers) this.phoneNumbers.set(phone.id, phone);
    for (const token of seed.tokens) this.putToken(withAbsoluteExpiry(token));
    for (const customer of seed.customers) this.customers.set(customer.waId, customer);
    for (const subscription of seed.appSubscriptions) this.appSubscriptions.set(subscription.appId, subscription);
    for (const subscription of seed.wabaSubscriptions) this.putWabaSubscription(subscription);
    for (const override of seed.phoneOverrides) this.putPhoneOverride(override);
    for (const callback of seed.foreignCallbacks) this.foreignCallbacks.set(callback.name, callback);
    this.emit('change');
  }

  /** Forgets everything, logs and settings included. */
  clear(): void {
    for (const map of [
      this.apps,
      this.wabas,
      this.phoneNumbers,
      this.tokens,
      this.customers,
      this.appSubscriptions,
      this.foreignCallbacks,
      this.#wabaSubscriptions,
      this.#phoneOverrides,
      this.#tokensByValue,
      this.#conversations,
      this.#conversationByWamid,
    ]) {
      map.clear();
    }
    this.sent.length = 0;
    this.foreignDeliveries.length = 0;
    this.settings = { ...defaultSettings, statuses: [...defaultSettings.statuses] };
    this.emit('change');
  }

  /** The state as a seed that brings it back, logs excluded. */
  toSeed(): Seed {
    return {
      settings: this.settings,
      apps: [...this.apps.values()],
      wabas: [...this.wabas.values()],
      phoneNumbers: [...this.phoneNumbers.values()],
      tokens: [...this.tokens.values()],
      customers: [...this.customers.values()],
      appSubscriptions: [...this.appSubscriptions.values()],
      wabaSubscriptions: [...this.#wabaSubscriptions.values()],
      phoneOverrides: [...this.#phoneOverrides.values()],
      foreignCallbacks: [...this.foreignCallbacks.values()],
    };
  }

  resolveUrl(url: string): string {
    return url.replace(/^\{self\}/, this.selfUrl);
  }

  tokenByValue(value: string): Token | undefined {
    return this.#tokensByValue.get(value);
  }

  putToken(token: Token): void {
    const former = this.tokens.get(token.name);
    if (former !== undefined) this.#tokensByValue.delete(former.value);
    this.tokens.set(token.name, token);
    this.#tokensByValue.set(token.value, token);
    this.emit('change');
  }

  phoneNumbersOf(wabaId: string): PhoneNumber[] {
    return [...this.phoneNumbers.values()].filter((phone) => phone.wabaId === wabaId);
  }

  wabaSubscription(wabaId: string, appId: string): WabaSubscription | undefined {
    return this.#wabaSubscriptions.get(`${wabaId}/${appId}`);
  }

  wabaSubscriptionsOf(wabaId: string): WabaSubscription[] {
    return [...this.#wabaSubscriptions.values()].filter((subscription) => subscription.wabaId === wabaId);
  }

  putWabaSubscription(subscription: WabaSubscription): void {
    this.#wabaSubscriptions.set(`${subscription.wabaId}/${subscription.appId}`, subscription);
    this.emit('change');
  }

  removeWabaSubscription(wabaId: string, appId: string): void {
    this.#wabaSubscriptions.delete(`${wabaId}/${appId}`);
    this.emit('change');
  }

  phoneOverride(phoneNumberId: string, appId: string): PhoneOverride | undefined {
    return this.#phoneOverrides.get(`${phoneNumberId}/${appId}`);
  }

  putPhoneOverride(override: PhoneOverride): void {
    this.#phoneOverrides.set(`${override.phoneNumberId}/${override.appId}`, override);
    this.emit('change');
  }

  removePhoneOverride(phoneNumberId: string, appId: string): void {
    this.#phoneOverrides.delete(`${phoneNumberId}/${appId}`);
    this.emit('change');
  }

  conversations(): Conversation[] {
    return [...this.#conversations.values()];
  }

  conversation(phoneNumberId: string, waId: string): Conversation {
    const key = `${phoneNumberId}/${waId}`;
    const found = this.#conversations.get(key);
    if (found !== undefined) return found;
    const created: Conversation = { phoneNumberId, waId, items: [], typingUntil: 0 };
    this.#conversations.set(key, created);
    if (this.#conversations.size > MAX_CONVERSATIONS) {
      const oldest = this.#conversations.entries().next();
      if (oldest.done !== true) this.#forgetConversation(...oldest.value);
    }
    return created;
  }

  restoreConversation(conversation: Conversation): void {
    this.#conversations.set(`${conversation.phoneNumberId}/${conversation.waId}`, conversation);
    for (const { wamid } of conversation.items) this.#conversationByWamid.set(wamid, conversation);
  }

  /** Where a message of this number stands, if it is remembered. */
  conversationOf(phoneNumberId: string, wamid: string): Conversation | undefined {
    const conversation = this.#conversationByWamid.get(wamid);
    return conversation?.phoneNumberId === phoneNumberId ? conversation : undefined;
  }

  addChatItem(conversation: Conversation, item: ChatItem): void {
    conversation.items.push(item);
    this.#conversationByWamid.set(item.wamid, conversation);
    for (const { wamid } of conversation.items.splice(0, conversation.items.length - MAX_CHAT_ITEMS)) {
      this.#conversationByWamid.delete(wamid);
    }
    this.emit('conversation', conversation);
    this.emit('change');
  }

  #forgetConversation(key: string, { items }: Conversation): void {
    this.#conversations.delete(key);
    for (const { wamid } of items) this.#conversationByWamid.delete(wamid);
  }

  #refuseContradictions(seed: Seed): void {
    const apps = new Set([...this.apps.keys(), ...seed.apps.map((app) => app.id)]);
    const wabas = new Set([...this.wabas.keys(), ...seed.wabas.map((waba) => waba.id)]);
    const phones = new Set([...this.phoneNumbers.keys(), ...seed.phoneNumbers.map((phone) => phone.id)]);
    const needs = (known: ReadonlySet<string>, id: string, kind: string, where: string) => {
      if (!known.has(id)) throw new SeedError(`${where} names the ${kind} ${id}, which does not exist`);
    };
    for (const phone of seed.phoneNumbers) needs(wabas, phone.wabaId, 'WABA', `phoneNumbers ${phone.id}`);
    for (const token of seed.tokens) {
      needs(apps, token.appId, 'app', `tokens "${token.name}"`);
      const holder = this.#tokensByValue.get(token.value);
      if (holder !== undefined && holder.name !== token.name) {
        throw new SeedError(`tokens "${token.name}" has the value of the token "${holder.name}"`);
      }
    }
    for (const { appId } of seed.appSubscriptions) needs(apps, appId, 'app', 'appSubscriptions');
    for (const { appId, wabaId } of seed.wabaSubscriptions) {
      needs(apps, appId, 'app', 'wabaSubscriptions');
      needs(wabas, wabaId, 'WABA', 'wabaSubscriptions');
    }
    for (const { appId, phoneNumberId } of seed.phoneOverrides) {
      needs(apps, appId, 'app', 'phoneOverrides');
      needs(phones, phoneNumberId, 'phone number', 'phoneOverrides');
    }
    const kinds = new Map<string, string>();
    for (const [kind, ids] of [
      ['app', apps],
      ['WABA', wabas],
      ['phone number', phones],
    ] as const) {
      for (const id of ids) {
        const other = kinds.get(id);
        if (other !== undefined) throw new SeedError(`the id ${id} is used for a ${kind} and for a ${other}`);
        kinds.set(id, kind);
      }
    }
  }
}

function withAbsoluteExpiry(token: Token): Token {
  const { expiresInSeconds, ...rest } = token;
  if (expiresInSeconds === undefined) return token;
  return { ...rest, expiresAt: Math.floor(Date.now() / 1000) + expiresInSeconds };
}

function withoutUndefined<T extends object>(value: T): Partial<T> {
  return Object.fromEntries(Object.entries(value).filter(([, entry]) => entry !== undefined)) as Partial<T>;
}
