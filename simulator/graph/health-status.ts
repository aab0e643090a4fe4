import type { App, PhoneNumber, Waba } from '../seed.ts';

type Ability = 'AVAILABLE' | 'LIMITED' | 'BLOCKED';

const RANK = { AVAILABLE: 0, LIMITED: 1, BLOCKED: 2 } as const;

interface Entity {
  readonly entity_type: string;
  readonly id: string;
  readonly can_send_message: Ability;
  readonly additional_info?: readonly string[];
  readonly errors?: readonly {
    readonly error_code: number;
    readonly error_description: string;
    readonly possible_solution: string;
  }[];
}

/** `health_status` of a WABA or phone number: the overall ability is the worst of the entities; the app is the token's. */
export function healthStatus(waba: Waba, app: App, phone?: PhoneNumber) {
  const entities = [
    ...(phone === undefined ? [] : [phoneEntity(phone)]),
    entity('WABA', waba.id, waba.healthOfSending, 141_006, 'There is an error with the payment method.'),
    entity('BUSINESS', waba.businessId, 'AVAILABLE', 141_010, 'The Business has not passed business verification.'),
    entity('APP', app.id, 'AVAILABLE', 141_009, 'The app is not usable.'),
  ];
  const worst = entities.reduce<Ability>(
    (soFar, { can_send_message }) => (RANK[can_send_message] > RANK[soFar] ? can_send_message : soFar),
    'AVAILABLE',
  );
  return { can_send_message: worst, entities };
}

function phoneEntity(phone: PhoneNumber): Entity {
  if (!phone.registered) {
    return entity('PHONE_NUMBER', phone.id, 'BLOCKED', 141_000, 'The phone number is not registered.');
  }
  return entity('PHONE_NUMBER', phone.id, phone.healthOfSending, 141_001, 'The phone number is restricted.');
}

function entity(type: string, id: string, ability: Ability, errorCode: number, description: string): Entity {
  return {
    entity_type: type,
    id,
    can_send_message: ability,
    ...(ability === 'LIMITED' ? { additional_info: [description] } : {}),
    ...(ability === 'BLOCKED'
      ? {
          errors: [
            {
              error_code: errorCode,
              error_description: description,
              possible_solution: 'Open WhatsApp Manager for details.',
            },
          ],
        }
      : {}),
  };
}
