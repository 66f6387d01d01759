/** A recipient as a code to scan. It is public. */
import encodeQR from 'qr';

export function terminalCode(text: string): string {
  return encodeQR(text, 'ascii', { ecc: 'low', border: 1 });
}

export function svgCode(text: string): string {
  return encodeQR(text, 'svg', { ecc: 'medium', border: 2 });
}
