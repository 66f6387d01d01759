/** Connections to a server that may have one certificate only: its own, which nobody else vouches for. */
import { X509Certificate } from 'node:crypto';
import { connect, type PeerCertificate } from 'node:tls';
import { SyncError } from '../model/errors.ts';

const CONNECT_TIMEOUT_MS = 10_000;

export type PinnedTls = { readonly ca: string; readonly allowPartialTrustChain: true; readonly checkServerIdentity: (host: string, presented: PeerCertificate) => Error | undefined };

/**
 * TLS options under which exactly this certificate is taken, whatever names it has; none for a null one: then a server is trusted as this
 * computer trusts servers.
 */
export function pinnedTls(certificate: string | null | undefined): PinnedTls | null {
  if (certificate === null || certificate === undefined) return null;
  const { fingerprint256 } = new X509Certificate(certificate);
  return {
    ca: certificate, allowPartialTrustChain: true,
    checkServerIdentity: (_host, presented) => (presented.fingerprint256 === fingerprint256 ? undefined : new Error('the server has another certificate than the pinned one')),
  };
}

const hexOf = (fingerprint: string): string => fingerprint.replace(/^sha-?256[ :=]*/i, '').replaceAll(':', '').toUpperCase();

/**
 * The certificate a server shows, if it is the one that was named.
 *
 * @param fingerprint - SHA-256 as hex, with or without colons.
 * @returns PEM.
 * @throws SyncError bad-usage, offline; tls-failed where it has another one
 */
export async function certificateOf(endpoint: string, fingerprint: string): Promise<string> {
  const wanted = hexOf(fingerprint);
  if (!/^[0-9A-F]{64}$/.test(wanted)) throw new SyncError('bad-usage', { detail: 'a fingerprint is 64 hex digits (SHA-256), with or without colons' });
  const { protocol, hostname, port } = new URL(endpoint);
  if (protocol !== 'https:') throw new SyncError('bad-usage', { detail: 'only an https endpoint has a certificate' });
  const shown = await new Promise<PeerCertificate>((resolve, reject) => {
    // Nothing is said on this connection: what is shown is compared, and trusted only then.
    const socket = connect({ host: hostname.replace(/^\[|\]$/g, ''), port: Number(port) || 443, servername: /[a-z]/i.test(hostname) && !hostname.startsWith('[') ? hostname : '', rejectUnauthorized: false, timeout: CONNECT_TIMEOUT_MS });
    const fail = (cause: unknown): void => {
      socket.destroy();
      reject(new SyncError('offline', { detail: endpoint }, { cause }));
    };
    socket.once('secureConnect', () => {
      resolve(socket.getPeerCertificate());
      socket.destroy();
    });
    socket.once('timeout', () => fail(new Error('timeout')));
    socket.once('error', fail);
  });
  if (hexOf(shown.fingerprint256 ?? '') !== wanted) throw new SyncError('tls-failed', { detail: `its certificate has the fingerprint ${shown.fingerprint256}` });
  return new X509Certificate(shown.raw).toString();
}
