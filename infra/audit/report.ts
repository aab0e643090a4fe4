import { aligned } from '../operator-command.ts';
import { isFlagged, momentOf, type Opening } from './comparison.ts';

const remarks = {
  agreed: '',
  'not-ours': 'FLAGGED: opened past our code, no line of ours tells of it',
  'not-in-trail': 'FLAGGED: our line tells of it and the trail does not',
  'unknown-to-trail': 'the trail does not know of it (yet)',
} as const satisfies Record<Opening['verdict'], string>;

/** One line per opening: when, what for, with which answer, who by the trail, who by our own line, and what is wrong with it. */
export function report(openings: readonly Opening[], unreadable: number): readonly string[] {
  const rows = openings.map(cellsOf);
  const flagged = openings.filter(isFlagged).length + unreadable;
  return [
    ...aligned([['when', 'purpose', 'answer', 'who, says the trail', 'who, says our line', ''], ...rows]),
    ...(unreadable > 0 ? [`FLAGGED: rows of the audit table that are no lines of ours: ${unreadable}.`] : []),
    `${openings.length} openings, ${flagged} flagged.`,
  ];
}

function cellsOf(opening: Opening): readonly string[] {
  const { verdict } = opening;
  const open = 'open' in opening ? opening.open : undefined;
  const item = 'item' in opening ? opening.item : undefined;
  const purpose = `${open?.purpose ?? item?.purpose} v${open?.secretVersion ?? item?.secretVersion}`;
  const said = open === undefined || open.answer === 'untold' ? item?.outcome : open.answer;
  const answer = said === 'ok' ? 'allowed' : (said ?? 'untold');
  const actor = item === undefined ? '-' : `${item.actor.kind} ${item.actor.id} (request ${item.requestId})`;
  return [momentOf(opening), purpose, answer, open?.who ?? '-', actor, remarks[verdict]].map(printable);
}

/** The name of a session or a user is somebody else's text: it must not steer the terminal. */
const printable = (cell: string): string => cell.replaceAll(/[^\x20-\x7e]/g, '?');
