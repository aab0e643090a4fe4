import { chmod, readFile, rename, writeFile } from 'node:fs/promises';
import * as z from 'zod';
import { type Seed, seedSchema } from './seed.ts';
import type { State } from './state.ts';

const conversationSchema = z.strictObject({
  phoneNumberId: z.string(),
  waId: z.string(),
  items: z.array(
    z.strictObject({
      wamid: z.string(),
      from: z.enum(['customer', 'business']),
      type: z.string(),
      text: z.string(),
      buttons: z.array(z.strictObject({ id: z.string(), title: z.string() })),
      at: z.number(),
      ticks: z.enum(['sending', 'sent', 'delivered', 'read', 'failed']),
      note: z.string().nullable(),
    }),
  ),
  typingUntil: z.number(),
});
const sentItemSchema = z.strictObject({
  at: z.string(),
  kind: z.enum(['message', 'read']),
  phoneNumberId: z.string(),
  tokenName: z.string(),
  to: z.string().nullable(),
  wamid: z.string(),
  typing: z.boolean(),
  body: z.record(z.string(), z.unknown()),
});
const stateFileSchema = z.strictObject({
  version: z.literal(1),
  seed: seedSchema,
  sent: z.array(sentItemSchema),
  conversations: z.array(conversationSchema),
});

// The whole state is written at once; a long log of sent messages would make that slow.
const MAX_SAVED_SENT_ITEMS = 1_000;

/** What a saved state brings back. */
export type SavedState = z.infer<typeof stateFileSchema>;

/** The saved state; null when there is no such file. @throws Error with one clear sentence when it cannot be used */
export async function loadState(path: string): Promise<SavedState | null> {
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null;
    throw new Error(`The state file ${path} cannot be read (${error.code}).`);
  });
  if (text === null) return null;
  try {
    return stateFileSchema.parse(JSON.parse(text));
  } catch {
    throw new Error(`The state file ${path} is not one of this simulator's. Delete it to start from the seed.`);
  }
}

export function restoreState(state: State, saved: SavedState): void {
  state.merge(saved.seed);
  state.sent.push(...saved.sent);
  for (const { items, ...conversation } of saved.conversations) {
    state.restoreConversation({ ...conversation, items: items.map((item) => ({ ...item, media: null })) });
  }
}

/** Writes the whole state beside the file and renames, so that a crash leaves the former one. Only its owner can read it. */
export async function saveState(path: string, state: State): Promise<void> {
  const saved: SavedState = {
    version: 1,
    seed: state.toSeed() satisfies Seed,
    sent: state.sent.slice(-MAX_SAVED_SENT_ITEMS),
    conversations: state.conversations().map(({ items, ...conversation }) => ({
      ...conversation,
      // Media do not outlive the run.
      items: items.map(({ media: _media, ...item }) => item),
    })),
  };
  const draft = `${path}.${process.pid}.tmp`;
  await writeFile(draft, JSON.stringify(saved), { mode: 0o600 });
  await chmod(draft, 0o600);
  await rename(draft, path);
}
