import type { ChatItem } from './state.ts';

type ChatContent = Pick<ChatItem, 'text' | 'buttons'>;

/** How a Cloud API message of any type reads on the phone. */
export function chatContent(type: string, body: Readonly<Record<string, unknown>>): ChatContent {
  const content = body[type];
  const at = (path: string) => textAt(content, path);
  const plain = (text: string): ChatContent => ({ text, buttons: [] });
  switch (type) {
    case 'text':
      return plain(at('body'));
    case 'template':
      return plain(`Template “${at('name')}” (${at('language.code')})`);
    case 'interactive': {
      const chosen = at('button_reply.title') || at('list_reply.title');
      return { text: chosen || at('body.text') || `Interactive: ${at('type')}`, buttons: replyButtons(content) };
    }
    case 'reaction':
      return plain(at('emoji') === '' ? 'Took a reaction back' : `Reacted ${at('emoji')}`);
    case 'location':
      return plain(`📍 ${at('name') || `${at('latitude')}, ${at('longitude')}`}`);
    case 'button':
      return plain(at('text'));
    default:
      return plain(`[${type}] ${at('caption') || at('filename') || at('link') || at('id')}`.trim());
  }
}

function textAt(value: unknown, path: string): string {
  let current = value;
  for (const name of path.split('.')) {
    current = typeof current === 'object' && current !== null ? Reflect.get(current, name) : undefined;
  }
  return typeof current === 'string' || typeof current === 'number' ? String(current) : '';
}

function replyButtons(content: unknown): ChatContent['buttons'] {
  const action = typeof content === 'object' && content !== null ? Reflect.get(content, 'action') : undefined;
  const buttons: unknown = typeof action === 'object' && action !== null ? Reflect.get(action, 'buttons') : undefined;
  if (!Array.isArray(buttons)) return [];
  return buttons
    .map((button: unknown) => ({ id: textAt(button, 'reply.id'), title: textAt(button, 'reply.title') }))
    .filter(({ title }) => title !== '');
}
