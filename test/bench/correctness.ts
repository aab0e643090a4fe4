import { appSecret, type Contender } from './contenders.ts';
import { newWamid } from './side.ts';
import { signatureOf } from './webhook-body.ts';

/** A delivery that is good, and what must be made of it. */
interface Trial {
  readonly title: string;
  readonly of: (contender: Contender) => Promise<string>;
}

const message = (text: string, from = '491511') => ({
  id: newWamid(),
  from,
  timestamp: '1795000000',
  type: 'text',
  text: { body: text },
});
const change = (phoneNumberId: string, ...messages: readonly ReturnType<typeof message>[]) => ({
  field: 'messages',
  value: {
    messaging_product: 'whatsapp',
    metadata: { display_phone_number: '15550100', phone_number_id: phoneNumberId },
    contacts: [...new Set(messages.map(({ from }) => from))].map((wa_id) => ({ profile: { name: 'Ada' }, wa_id })),
    messages,
  },
});
const delivery = (...entries: readonly (readonly object[])[]) =>
  JSON.stringify({
    object: 'whatsapp_business_account',
    entry: entries.map((changes, index) => ({ id: `90020000000000${index}`, changes })),
  });

const [one, two, three] = ['900400000000001', '900400000000002', '900400000000003'] as const;
const batch = [
  { number: one, message: message('first') },
  { number: two, message: message('second') },
  { number: two, message: message('third', '491512') },
  { number: three, message: message('fourth') },
] as const;
const batchBody = delivery(
  [change(one, batch[0].message), change(two, batch[1].message, batch[2].message)],
  [change(three, batch[3].message)],
);

const words = 'Grüße aus Zürich / 日本語 🎉 <b>';
/** As Meta writes it: characters beyond ASCII and slashes escaped. */
const escaped = (json: string) =>
  json
    .replace(/[\u0080-\uffff]/g, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`)
    .replaceAll('/', '\\/');

const notice = JSON.stringify({
  object: 'whatsapp_business_account',
  entry: [
    { id: '900200000000001', time: 1, changes: [{ field: 'account_update', value: { event: 'DISABLED_UPDATE' } }] },
  ],
});

const signed = (body: string) => signatureOf(appSecret, Buffer.from(body));

/** It was taken, and whoever uses it has to find what is in it. */
const asJson = 'as JSON';

/** What becomes of a delivery: what was heard, or one word for why nothing was. */
const outcomeOf = async (contender: Contender, body: string, signature: string | undefined) => {
  try {
    const heard = contender.heard(await contender.receive(Buffer.from(body), signature)) ?? 'refused';
    return heard === 'unsplit' ? asJson : heard;
  } catch (error) {
    return error instanceof Error ? `throws ${error.constructor.name}` : 'throws';
  }
};

const keepsWords = (body: string) => async (contender: Contender) => {
  const heard = await outcomeOf(contender, body, signed(body));
  if (typeof heard === 'string') return heard === asJson ? 'yes' : heard;
  return heard[0]?.text === words ? 'yes' : 'changed';
};

const isRefused = (body: string, signature: string | undefined) => async (contender: Contender) => {
  const heard = await outcomeOf(contender, body, signature);
  return typeof heard === 'string' && heard !== asJson ? 'yes' : 'no';
};

const hello = delivery([change(one, message(words))]);

const trials: readonly Trial[] = [
  {
    title: '2 entries, 3 numbers, 4 messages: right ones',
    async of(contender) {
      const heard = await outcomeOf(contender, batchBody, signed(batchBody));
      if (typeof heard === 'string') return heard;
      const right = batch.filter(({ number, message: { id } }) =>
        heard.some((event) => event.id === id && event.phoneNumberId === number),
      );
      return `${right.length} of ${batch.length}`;
    },
  },
  { title: 'raw UTF-8 is taken', of: keepsWords(hello) },
  { title: 'escaped UTF-8 is taken', of: keepsWords(escaped(hello)) },
  {
    title: 'account_update is told',
    async of(contender) {
      const heard = await outcomeOf(contender, notice, signed(notice));
      if (typeof heard === 'string') return heard;
      return heard.some(({ field }) => field === 'account_update') ? 'yes' : 'no';
    },
  },
  { title: 'missing signature is refused', of: isRefused(hello, undefined) },
  { title: 'wrong signature is refused', of: isRefused(hello, `sha256=${'0'.repeat(64)}`) },
];

export interface Correctness {
  readonly title: string;
  /** In the order of the contenders. */
  readonly cells: readonly string[];
}

/** What each makes of the deliveries that tell good receivers from others. */
export async function tryOut(contenders: readonly Contender[]): Promise<readonly Correctness[]> {
  const rows: Correctness[] = [];
  for (const { title, of } of trials) {
    const cells: string[] = [];
    for (const contender of contenders) cells.push(await of(contender));
    rows.push({ title, cells });
  }
  return rows;
}
