/**
 * The recovery kit as a page to print: one self-contained HTML file for A4 or Letter, black on white, without scripts and
 * without anything from elsewhere. The words stand between two fold lines, so that the lower part covers them.
 *
 * The page also carries the words and the age file as one block of JSON that no browser runs or shows, so that the file itself can be
 * given back to Enfold.
 */
import { createHash } from 'node:crypto';
import encodeQR from 'qr';
import { fingerprintOf } from '../envelope/key-id.ts';
import { currentEpoch } from '../envelope/descriptor.ts';
import { SyncError } from '../model/errors.ts';
import { isClientSide } from '../model/mode.ts';
import { keyIdOfMaterial } from './key-material.ts';
import { escapeHtml, pageStyle } from './kit-style.ts';
import { kmsRecovery, withoutEnfold } from './kit-steps.ts';
import type { KnownFolder, RecoveryKit, SealedKit } from './recovery-kit.ts';

const BLOCK = /<script type="application\/json" id="enfold-kit">([^<]*)<\/script>/;
/** A QR code holds more, but phones read these with ease. */
const QR_CHARACTERS = 900;

export function isKitPage(file: Uint8Array): boolean {
  const start = Buffer.from(file.subarray(0, 400)).toString('latin1').toLowerCase();
  return start.includes('<!doctype html') && start.includes('enfold');
}

const checkOf = (words: string, age: string): string => createHash('sha256').update(`enfold kit page v1|${words}|${age}`).digest('hex');

/** What a saved page carries. @throws SyncError kit-damaged, newer-version */
export function parseKitPage(file: Uint8Array): SealedKit {
  const [, json] = BLOCK.exec(Buffer.from(file).toString('utf8')) ?? [];
  if (json === undefined) throw new SyncError('kit-damaged', { detail: 'the page ends too early, or is not the page of a key' });
  let block: Record<string, unknown>;
  try {
    block = JSON.parse(json) as Record<string, unknown>;
  } catch (error) {
    throw new SyncError('kit-damaged', {}, { cause: error });
  }
  const { version, words, age, check } = block;
  if (typeof version === 'number' && version > 1) throw new SyncError('newer-version');
  if (version !== 1 || typeof words !== 'string' || typeof age !== 'string' || check !== checkOf(words, age)) throw new SyncError('kit-damaged', { detail: 'the page was altered' });
  return { words, age };
}

const qr = (text: string): string => encodeQR(text, 'svg', { ecc: 'medium', border: 2 });

/** The text of the age file over several codes: `1/3:` and the first part, and so on. */
function codesOf(age: string): string[] {
  const parts = age.match(new RegExp(`[^]{1,${QR_CHARACTERS}}`, 'g')) ?? [];
  return parts.map((part, index) => `${index + 1}/${parts.length}:${part}`);
}

const dateOf = (ms: number): string => new Date(ms).toISOString().slice(0, 10);

const KINDS = { aes: '256-bit master key (cse-c)', 'sse-c': '256-bit key for S3 (sse-c)', rsa: 'RSA key pair (cse-c)' } as const;

function folderRows(folders: readonly KnownFolder[]): string {
  if (folders.length === 0) return '<p>No folder on this computer used the key when this page was made. Make a new kit once one does.</p>';
  return folders.map(({ name, bucket, prefix, endpoint, region, fingerprint, descriptor }) => {
    const { mode } = currentEpoch(descriptor);
    const wrapped = descriptor.epochs.findLast((epoch) => isClientSide(epoch.mode))?.wrappedFolderKey ?? null;
    const rows: [string, string | null][] = [
      ['Place', `s3://${bucket}/${prefix}`], ['Server', endpoint === null ? `AWS, region ${region}` : endpoint], ['Mode', `${mode.id}${'format' in mode ? `, ${mode.format}` : ''}, names ${descriptor.names}`], ['Folder id', descriptor.folderId],
      ['Folder-key fingerprint', fingerprint], ['Wrapped folder key', wrapped],
    ];
    return `<section class="folder"><h3>${escapeHtml(name)}</h3><dl>${rows.flatMap(([term, text]) => (text === null ? [] : [`<dt>${term}</dt><dd class="mono">${escapeHtml(text)}</dd>`])).join('')}</dl></section>`;
  }).join('\n');
}

const documentOf = (title: string, body: string): string => `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>Enfold recovery kit: ${escapeHtml(title)}</title>
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<style>${pageStyle}</style>
</head>
<body>
${body}
</body>
</html>
`;

/** @returns the whole page; as secret as the key */
export function kitPage(kit: RecoveryKit, { words, age }: SealedKit): string {
  const { type, name } = kit.key;
  const keyId = keyIdOfMaterial(type, kit.key.bytes);
  const opened = kit.folders.map((folder) => folder.name);
  const codes = type === 'rsa' ? codesOf(age) : [];
  const block = JSON.stringify({ enfold: 'recovery-kit-page', version: 1, words, age, check: checkOf(words, age) }).replaceAll('<', '\\u003c');
  const what = opened.length === 0 ? 'This page brings back the key' : `This page opens ${opened.length === 1 ? 'the folder' : 'the folders'} ${escapeHtml(opened.join(', '))}`;
  const together = type === 'rsa' ? 'together with the recovery file, whose text is printed here as codes too,' : 'on any computer,';
  return documentOf(name, `
<main class="sheet">
<div class="part top">
<header><b>Enfold recovery kit</b><span>Keep this page on paper</span></header>
<h1>${escapeHtml(name)}</h1>
<p class="lead">${what} ${together} with or without Enfold. It does so for anyone who finds it: keep it as you keep your passport.</p>
<ol class="how">
<li><b>Install Enfold</b> on any computer. Choose <b>I have a recovery kit</b> where it asks for the copies; or type <code>enfold key import NAME --from FILE</code>.</li>
<li><b>Give it ${type === 'rsa' ? 'the recovery file and the 24 words' : 'the 24 words, or the recovery file and the words'}.</b> Compare the fingerprint.</li>
<li><b>Add the folder</b> again, at the place named below. Nothing is deleted; both sides are joined.</li>
</ol>
<p class="kept">Where I keep this page <i></i></p>
</div>
<div class="fold"><span>Fold 2: the upper part over the pattern</span></div>
<div class="part middle">
<div class="words"><ol>${words.split(' ').map((word, index) => `<li><i>${index + 1}</i>${word}</li>`).join('')}</ol>
<figure>${qr(words)}<figcaption>The same 24 words</figcaption></figure></div>
<dl class="facts">
<div><dt>Fingerprint</dt><dd class="mono">${fingerprintOf(keyId)}</dd></div>
<div><dt>Key id</dt><dd class="mono">${keyId}</dd></div>
<div><dt>Kind</dt><dd>${KINDS[type]}</dd></div>
<div><dt>Made</dt><dd>${dateOf(kit.madeAtMs)} on ${escapeHtml(kit.madeOn)}</dd></div>
</dl>
</div>
<div class="fold"><span>Fold 1: the pattern over the words, so that no light shows them</span></div>
<div class="pattern"></div>
</main>
<main class="sheet more">
<h2>What it opens</h2>
${folderRows(kit.folders)}
<h2>Without Enfold</h2>
${withoutEnfold(type, kit.folders)}
</main>
${codes.length === 0 ? '' : `<main class="sheet more"><h2>The recovery file as codes</h2>
<p>Scan them in order, take away <code>1/${codes.length}:</code> and so on, and put the rest together: that is the text of the age file which the 24 words open.</p>
<div class="codes">${codes.map((code, index) => `<figure>${qr(code)}<figcaption>${index + 1} of ${codes.length}</figcaption></figure>`).join('')}</div></main>`}
<script type="application/json" id="enfold-kit">${block}</script>`);
}

/** For a key inside AWS KMS: nothing of it can be printed, so the page says what to do. */
export function kmsPage(kmsKeyId: string, folders: readonly KnownFolder[], made: { readonly atMs: number; readonly on: string }): string {
  return documentOf(kmsKeyId, `
<main class="sheet more">
<header><b>Enfold recovery kit</b><span>Keep this page</span></header>
<h1>Key in AWS KMS</h1>
<p class="lead">This key never leaves AWS KMS: there are no words. Whoever may use it and read the bucket reads ${folders.length === 1 ? 'the folder' : 'the folders'} below. Where KMS destroys it, nobody ever reads them again.</p>
<dl class="facts"><div><dt>Key</dt><dd class="mono">${escapeHtml(kmsKeyId)}</dd></div><div><dt>Made</dt><dd>${dateOf(made.atMs)} on ${escapeHtml(made.on)}</dd></div></dl>
<h2>What it opens</h2>
${folderRows(folders)}
<h2>If the key stops working</h2>
${kmsRecovery(kmsKeyId)}
<h2>Without Enfold</h2>
${withoutEnfold('kms', folders)}
</main>`);
}

