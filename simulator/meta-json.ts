/** JSON as Meta writes webhook bodies: non-ASCII as \uXXXX in lowercase hex, `/` as `\/`, and `<`, `%`, `@` escaped too. */
export function metaJson(value: unknown): string {
  return JSON.stringify(value)
    .replaceAll('/', '\\/')
    .replace(/[<%@\u007f-\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
