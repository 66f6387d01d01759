/** XML as S3 speaks it: answers are built as text, request bodies are read by a parser that knows no entities, DTDs or attributes of its own. */
import { S3Error } from './errors.ts';

export const XML_HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n';
const NAMESPACE = 'http://s3.amazonaws.com/doc/2006-03-01/';

// oxlint-disable-next-line no-control-regex -- control characters are what it looks for
const SPECIAL = /[&<>"\u0000-\u0008\u000b\u000c\u000d\u000e-\u001f\ufffe\uffff]/g;
// oxlint-disable-next-line no-control-regex -- what no XML document may hold as it stands; S3 takes it as a reference
const UNWRITABLE = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/;
const named: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };

/** Text for use in an element; control characters become numeric references, as S3 writes them. */
export function escapeXml(text: string): string {
  return text.replace(SPECIAL, (character) => named[character] ?? `&#x${character.charCodeAt(0).toString(16)};`);
}

/** One element with text content. */
export function element(name: string, text: string | number | boolean): string {
  return `<${name}>${typeof text === 'string' ? escapeXml(text) : String(text)}</${name}>`;
}

/** One element, or nothing where there is no value. */
export function optionalElement(name: string, text: string | number | null | undefined): string {
  return text === null || text === undefined ? '' : element(name, text);
}

/** A whole answer document; `content` is XML already. */
export function document(root: string, content: string): string {
  return `${XML_HEAD}<${root} xmlns="${NAMESPACE}">${content}</${root}>`;
}

export type XmlElement = { readonly name: string; readonly children: readonly XmlElement[]; readonly text: string };

const MAX_DEPTH = 16;
const TAG = /<(\/?)([A-Za-z_][\w.:-]*)((?:\s+[\w.:-]+\s*=\s*(?:"[^"<]*"|'[^'<]*'))*)\s*(\/?)>/y;
const TEXT = /[^<]*/y;
const PROLOG = /^\uFEFF?\s*(?:<\?xml\s[^?]*\?>)?\s*/;
const ENTITY = /&(?:(amp|lt|gt|quot|apos)|#(\d{1,7})|#x([0-9A-Fa-f]{1,6}));|&/g;
const entities: Record<string, string> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: '\'' };

function unescapeXml(text: string): string {
  if (!text.includes('&')) return text;
  return text.replace(ENTITY, (_all, name: string | undefined, decimal: string | undefined, hex: string | undefined) => {
    if (name !== undefined) return entities[name] ?? '';
    const code = decimal !== undefined ? Number.parseInt(decimal, 10) : hex !== undefined ? Number.parseInt(hex, 16) : Number.NaN;
    if (Number.isNaN(code) || code > 0x10ffff) throw new S3Error('MalformedXML');
    return String.fromCodePoint(code);
  });
}

/**
 * Parses a request body. Prefixes of names are dropped, attributes and comments ignored; DTDs and CDATA are refused.
 *
 * @throws S3Error MalformedXML
 */
export function parseXml(body: Uint8Array): XmlElement {
  let source: string;
  try {
    source = new TextDecoder('utf-8', { fatal: true }).decode(body);
  } catch {
    throw new S3Error('MalformedXML');
  }
  if (UNWRITABLE.test(source)) throw new S3Error('MalformedXML');
  source = source.replace(/<!--(?:(?!--)[^])*-->/g, '');
  type Open = { name: string; children: XmlElement[]; text: string };
  const stack: Open[] = [];
  let position = PROLOG.exec(source)?.[0].length ?? 0;
  for (;;) {
    TEXT.lastIndex = position;
    const text = TEXT.exec(source)?.[0] ?? '';
    position += text.length;
    const top = stack.at(-1);
    if (top !== undefined) top.text += unescapeXml(text);
    TAG.lastIndex = position;
    const tag = TAG.exec(source);
    if (tag === null) throw new S3Error('MalformedXML');
    position += tag[0].length;
    const name = tag[2]?.replace(/^.*:/, '') ?? '';
    if (tag[1] === '') {
      if (stack.length >= MAX_DEPTH) throw new S3Error('MalformedXML');
      stack.push({ name, children: [], text: '' });
    }
    if (tag[1] === '/' || tag[4] === '/') {
      const closed = stack.pop();
      if (closed === undefined || closed.name !== name) throw new S3Error('MalformedXML');
      const parent = stack.at(-1);
      if (parent === undefined) {
        if (source.slice(position).trim() !== '') throw new S3Error('MalformedXML');
        return closed;
      }
      parent.children.push(closed);
    }
  }
}

/** The text of the first child of that name. */
export function childText(parent: XmlElement, name: string): string | undefined {
  return parent.children.find((child) => child.name === name)?.text;
}
