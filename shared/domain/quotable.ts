/** Meta's words are short; whatever is longer is something else. */
const longestDetails = 300;

/** A run of characters that no word has, as tokens and proofs are. */
const opaque = /[\w+/=.-]{32,}/g;

/** Words of Meta's that may be shown to users, without what looks like a secret. Undefined where nothing is left. */
export const quotable = (details: string | undefined): string | undefined => {
  const text = details?.replace(opaque, '…').trim().slice(0, longestDetails);
  return text === undefined || text === '' ? undefined : text;
};
