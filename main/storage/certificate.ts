/**
 * The storage's own certificate for HTTPS: self-signed, for this computer's loopback names, made once and kept in the data folder. Clients
 * are told to trust the file, or compare the fingerprint.
 */
import { X509Certificate, createPrivateKey, createPublicKey, generateKeyPairSync, randomBytes, sign, type KeyObject } from 'node:crypto';
import { join } from 'node:path';
import { readSecretFile, writeSecretFile } from './secret-file.ts';

export const CERTIFICATE_FILE = 'certificate.pem';
export const CERTIFICATE_KEY_FILE = 'certificate-key.pem';
const VALID_MS = 825 * 24 * 3600 * 1000;
const RENEW_MS = 30 * 24 * 3600 * 1000;
/** Characters. @see RFC 5280, appendix A.1, ub-common-name */
const MAX_COMMON_NAME = 64;

export type Certificate = {
  /** PEM. */
  readonly cert: string;
  readonly key: string;
  /** SHA-256, upper-case hex in pairs. */
  readonly fingerprint: string;
};

/** One DER value: tag, length, content. */
function der(tag: number, ...contents: readonly Uint8Array[]): Buffer {
  const content = Buffer.concat(contents);
  const length = content.length < 128 ? [content.length] : content.length < 256 ? [0x81, content.length] : [0x82, content.length >> 8, content.length & 255];
  return Buffer.concat([Uint8Array.of(tag, ...length), content]);
}
const sequence = (...contents: readonly Uint8Array[]): Buffer => der(0x30, ...contents);
const oid = (...bytes: readonly number[]): Buffer => der(0x06, Uint8Array.from(bytes));
const time = (timeMs: number): Buffer => der(0x17, Buffer.from(new Date(timeMs).toISOString().replace(/^..|[-:T]|\.\d{3}/g, '')));
const extension = (id: Buffer, isCritical: boolean, content: Buffer): Buffer => sequence(id, ...(isCritical ? [der(0x01, Uint8Array.of(0xff))] : []), der(0x04, content));

const ECDSA_SHA256 = sequence(oid(0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02));
const COMMON_NAME = oid(0x55, 0x04, 0x03);

const OWN_NAME = 'Enfold built-in storage';
const commonName = (text: string): Buffer => sequence(der(0x31, sequence(COMMON_NAME, der(0x0c, Buffer.from(text)))));
const dnsName = (name: string): Buffer => der(0x82, Buffer.from(name));

type Subject = { readonly commonName: string; readonly names: Buffer; readonly isRoot: boolean };

/** Signed by the storage's own key, which is also the certificate's. @see RFC 5280, section 4.1 */
function makeCertificate(subject: Subject, privateKey: KeyObject, nowMs: number): string {
  const serial = randomBytes(16);
  serial[0] = ((serial[0] ?? 0) & 0x7f) | 0x40; // Positive, and of full length.
  const extensions = sequence(
    extension(oid(0x55, 0x1d, 0x13), true, subject.isRoot ? sequence(der(0x01, Uint8Array.of(0xff))) : sequence()), // A root of its own, so that a client may trust it by file.
    extension(oid(0x55, 0x1d, 0x0f), true, der(0x03, subject.isRoot ? Uint8Array.of(2, 0x84) : Uint8Array.of(7, 0x80))), // Signs, and the root signs certificates.
    extension(oid(0x55, 0x1d, 0x25), false, sequence(oid(0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x01))), // For servers.
    extension(oid(0x55, 0x1d, 0x11), false, sequence(subject.names)),
  );
  const body = sequence(
    der(0xa0, der(0x02, Uint8Array.of(2))), der(0x02, serial), ECDSA_SHA256, commonName(OWN_NAME), sequence(time(nowMs - 24 * 3600 * 1000), time(nowMs + VALID_MS)), commonName(subject.commonName),
    createPublicKey(privateKey).export({ type: 'spki', format: 'der' }), der(0xa3, extensions),
  );
  const whole = sequence(body, ECDSA_SHA256, der(0x03, Uint8Array.of(0), sign('sha256', body, privateKey)));
  const lines = whole.toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`;
}

function makeRoot(nowMs: number): { readonly cert: string; readonly key: string } {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const names = Buffer.concat([dnsName('localhost'), der(0x87, Uint8Array.of(127, 0, 0, 1)), der(0x87, Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1))]);
  return { cert: makeCertificate({ commonName: OWN_NAME, names, isRoot: true }, privateKey, nowMs), key: privateKey.export({ type: 'pkcs8', format: 'pem' }) as string };
}

/**
 * For a bucket that is called by a host name of its own: `photos.localhost`. No client takes a wildcard right below a top-level domain,
 * so that each bucket needs a certificate, which the root signs.
 *
 * @param host - lower case.
 * @returns PEM, the root behind it.
 */
export function certificateFor(host: string, { cert, key }: Pick<Certificate, 'cert' | 'key'>, nowMs: number): string {
  return makeCertificate({ commonName: host.slice(0, MAX_COMMON_NAME), names: dnsName(host), isRoot: false }, createPrivateKey(key), nowMs) + cert;
}

function isUsable(cert: string, nowMs: number): boolean {
  try {
    return Date.parse(new X509Certificate(cert).validTo) > nowMs + RENEW_MS;
  } catch {
    return false;
  }
}

/** The certificate of a data folder, made where there is none or where it is about to end. */
export async function openCertificate(directory: string, nowMs: number): Promise<Certificate> {
  const [certFile, keyFile] = [join(directory, CERTIFICATE_FILE), join(directory, CERTIFICATE_KEY_FILE)];
  const [cert, key] = [await readSecretFile(certFile), await readSecretFile(keyFile)];
  if (cert !== null && key !== null && isUsable(cert, nowMs)) return { cert, key, fingerprint: new X509Certificate(cert).fingerprint256 };
  const made = makeRoot(nowMs);
  await writeSecretFile(keyFile, made.key);
  await writeSecretFile(certFile, made.cert);
  return { ...made, fingerprint: new X509Certificate(made.cert).fingerprint256 };
}
