import { generateKeyPairSync, sign } from 'node:crypto';

/** DER (ITU-T X.690): tag, length, content. */
const der = (tag: number, ...parts: readonly Uint8Array[]): Buffer => {
  const content = Buffer.concat(parts);
  const { length } = content;
  const size = length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...size]), content]);
};
const sequence = (...parts: readonly Uint8Array[]) => der(0x30, ...parts);
const hex = (tag: number, digits: string) => der(tag, Buffer.from(digits, 'hex'));
const ascii = (tag: number, text: string) => der(tag, Buffer.from(text, 'latin1'));

const objectId = {
  ecdsaWithSha256: '2a8648ce3d040302',
  commonName: '550403',
  subjectAltName: '551d11',
  isAuthority: '551d13',
};
const alwaysValid = sequence(ascii(0x18, '20000101000000Z'), ascii(0x18, '29991231235959Z'));
const dnsName = 0x82;

/** A key of its own and a certificate of its own for these hosts, made for one run (RFC 5280). */
export const selfSigned = (...hosts: readonly string[]): { readonly key: string; readonly cert: string } => {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
  const algorithm = sequence(hex(0x06, objectId.ecdsaWithSha256));
  const name = sequence(der(0x31, sequence(hex(0x06, objectId.commonName), ascii(0x0c, 'Agents of the tests'))));
  const extensions = sequence(
    sequence(hex(0x06, objectId.isAuthority), hex(0x01, 'ff'), der(0x04, sequence(hex(0x01, 'ff')))),
    sequence(hex(0x06, objectId.subjectAltName), der(0x04, sequence(...hosts.map((host) => ascii(dnsName, host))))),
  );
  const certificate = sequence(
    der(0xa0, hex(0x02, '02')),
    hex(0x02, '01'),
    algorithm,
    name,
    alwaysValid,
    name,
    publicKey.export({ type: 'spki', format: 'der' }),
    der(0xa3, extensions),
  );
  const signature = der(0x03, Buffer.from([0]), sign('sha256', certificate, privateKey));
  const text = sequence(certificate, algorithm, signature).toString('base64');
  return {
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    cert: `-----BEGIN CERTIFICATE-----\n${text}\n-----END CERTIFICATE-----\n`,
  };
};
