// The customer's phone. The chat comes as snapshots over Server-Sent Events and is drawn anew from each.
const byId = (id) => document.getElementById(id);
const business = byId('business');
const customer = byId('customer');
const messages = byId('messages');
const presence = byId('presence');
const problem = byId('problem');
const composer = byId('composer');
const text = byId('text');
const attachment = byId('attachment');

const TICKS = {
  sending: ['', 'sending'],
  sent: ['✓', 'sent'],
  delivered: ['✓✓', 'delivered'],
  read: ['✓✓', 'read'],
  failed: ['!', 'not delivered'],
};

// What the page shows as a picture; everything else is a link.
const SHOWN_TYPES = ['image/jpeg', 'image/png', 'image/webp'];

let contacts = { numbers: [], customers: [] };
let events = null;
let typingTimer = 0;

function request(path, body) {
  const headers = { 'content-type': 'application/json' };
  return call(path, body && { method: 'POST', headers, body: JSON.stringify(body) });
}

async function call(path, init) {
  const response = await fetch(path, init);
  const answer = await response.json();
  if (!response.ok) throw new Error(answer.error?.message ?? `The simulator answered ${response.status}.`);
  return answer;
}

async function attempt(action) {
  try {
    problem.hidden = true;
    await action();
  } catch (error) {
    problem.textContent = error instanceof TypeError ? 'The simulator cannot be reached.' : error.message;
    problem.hidden = false;
  }
}

function element(name, className, content) {
  const node = document.createElement(name);
  if (className) node.className = className;
  if (content !== undefined) node.textContent = content;
  return node;
}

function fill(select, items, chosen) {
  select.replaceChildren(
    ...items.map(({ value, label }) => {
      const option = element('option', '', label);
      option.value = value;
      return option;
    }),
  );
  if (items.some(({ value }) => value === chosen)) select.value = chosen;
}

async function loadContacts(chosenCustomer) {
  contacts = await request('/_phone/contacts');
  const wanted = new URLSearchParams(location.search);
  fill(
    business,
    contacts.numbers.map(({ id, displayPhoneNumber, verifiedName, registered }) => ({
      value: id,
      label: `${verifiedName} · ${displayPhoneNumber}${registered ? '' : ' (not registered)'}`,
    })),
    business.value || wanted.get('number'),
  );
  fill(
    customer,
    contacts.customers.map(({ waId, name, username, hidesNumber }) => ({
      value: waId,
      label: hidesNumber ? `${name} · @${username ?? 'hidden number'}` : `${name} · +${waId}`,
    })),
    chosenCustomer ?? (customer.value || wanted.get('customer')),
  );
}

function openChat() {
  events?.close();
  const number = contacts.numbers.find(({ id }) => id === business.value);
  byId('chat-name').textContent = number?.verifiedName ?? 'No business number';
  byId('avatar').textContent = (number?.verifiedName ?? '?').slice(0, 1);
  messages.replaceChildren();
  if (!number || !customer.value) return;
  const pair = new URLSearchParams({ phoneNumberId: business.value, waId: customer.value });
  history.replaceState(null, '', `?${new URLSearchParams({ number: business.value, customer: customer.value })}`);
  events = new EventSource(`/_phone/events?${pair}`);
  events.addEventListener('chat', (event) => draw(JSON.parse(event.data), number));
  events.addEventListener('error', () => {
    presence.textContent = 'connecting…';
  });
}

function draw(chat, number) {
  const typing = chat.typingUntil > Date.now();
  presence.textContent = typing ? 'typing…' : number.displayPhoneNumber;
  clearTimeout(typingTimer);
  if (typing) typingTimer = setTimeout(() => draw(chat, number), chat.typingUntil - Date.now() + 50);

  // Bubbles are kept and refreshed, so that a screen reader hears each only once and focus stays where it is.
  const former = new Map([...messages.children].map((node) => [node.dataset.key, node]));
  const nodes = chat.items.map((item) => refreshed(former.get(item.wamid) ?? bubble(item, chat), item));
  if (typing) nodes.push(former.get('typing') ?? typingBubble());
  if (nodes.length === 0) nodes.push(former.get('empty') ?? emptyNotice());
  const atEnd = messages.scrollHeight - messages.scrollTop - messages.clientHeight < 80;
  for (const node of former.values()) if (!nodes.includes(node)) node.remove();
  nodes.forEach((node, index) => {
    if (messages.children[index] !== node) messages.insertBefore(node, messages.children[index] ?? null);
  });
  if (atEnd || chat.items.at(-1)?.from === 'customer') messages.scrollTop = messages.scrollHeight;
}

function keyed(key, node) {
  node.dataset.key = key;
  return node;
}

function bubble(item, chat) {
  const mine = item.from === 'customer';
  const node = keyed(item.wamid, element('li', `bubble ${mine ? 'mine' : 'theirs'}`));
  node.append(element('span', 'visually-hidden', mine ? 'You: ' : 'Business: '), element('p', '', item.text));
  if (item.media) node.append(medium(item.media));
  if (!mine && item.buttons.length > 0) node.append(choices(item, chat));
  const meta = element('div', 'meta');
  const time = element('time', '', new Date(item.at).toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' }));
  time.dateTime = new Date(item.at).toISOString();
  meta.append(time);
  if (mine) meta.append(element('span', 'ticks'));
  node.append(meta, element('div', 'note'));
  return node;
}

/** Only ticks and note of a bubble ever change. */
function refreshed(node, item) {
  const ticks = node.querySelector('.ticks');
  const [symbol, meaning] = TICKS[item.ticks];
  if (ticks && ticks.title !== meaning) {
    ticks.className = `ticks ${item.ticks}`;
    ticks.textContent = symbol;
    ticks.title = meaning;
    ticks.setAttribute('role', 'img');
    ticks.setAttribute('aria-label', meaning);
  }
  const note = node.querySelector('.note');
  if (note.textContent !== (item.note ?? '')) note.textContent = item.note ?? '';
  return node;
}

function medium({ id, mimeType, filename }) {
  const link = element('a', 'medium');
  link.href = `/_phone/media/${id}`;
  link.target = '_blank';
  if (SHOWN_TYPES.includes(mimeType)) {
    const picture = element('img');
    picture.src = link.href;
    picture.alt = filename ?? 'Picture';
    link.append(picture);
  } else {
    link.textContent = `${filename ?? 'File'} (${mimeType})`;
    link.download = filename ?? '';
  }
  return link;
}

function choices(item, chat) {
  const group = element('div', 'choices');
  for (const { id, title } of item.buttons) {
    const button = element('button', 'choice', title);
    button.type = 'button';
    button.addEventListener('click', () => send(chat, { reply: { id, title, context: item.wamid } }));
    group.append(button);
  }
  return group;
}

function emptyNotice() {
  return keyed('empty', element('li', 'empty', 'No messages yet. Say hello.'));
}

function typingBubble() {
  const node = keyed('typing', element('li', 'bubble theirs typing'));
  node.setAttribute('aria-label', 'The business is typing');
  node.append(element('i'), element('i'), element('i'));
  return node;
}

function send(pair, content) {
  return attempt(() => request('/_phone/messages', { phoneNumberId: pair.phoneNumberId, waId: pair.waId, ...content }));
}

composer.addEventListener('submit', (event) => {
  event.preventDefault();
  const body = text.value.trim();
  if (body === '') return;
  text.value = '';
  text.focus();
  void send({ phoneNumberId: business.value, waId: customer.value }, { body });
});

attachment.addEventListener('change', () => {
  const [file] = attachment.files;
  if (!file) return;
  const caption = text.value.trim();
  const about = new URLSearchParams({ phoneNumberId: business.value, waId: customer.value, filename: file.name });
  if (caption !== '') about.set('caption', caption);
  void attempt(async () => {
    const headers = { 'content-type': file.type || 'application/octet-stream' };
    await call(`/_phone/media?${about}`, { method: 'POST', headers, body: file });
    text.value = '';
  });
  attachment.value = '';
});

text.addEventListener('keydown', (event) => {
  if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  composer.requestSubmit();
});

byId('new-customer').addEventListener('submit', (event) => {
  event.preventDefault();
  const form = event.target;
  void attempt(async () => {
    const waId = form.number.value.replace(/\D/g, '');
    await request('/_phone/customers', { waId, name: form.elements.namedItem('name').value.trim() });
    form.reset();
    form.closest('details').open = false;
    await loadContacts(waId);
    openChat();
  });
});

business.addEventListener('change', openChat);
customer.addEventListener('change', openChat);
void attempt(async () => {
  await loadContacts();
  openChat();
  text.focus();
});
