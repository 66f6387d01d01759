/** A page to print: the 24 words that open a built-in storage on another computer. One self-contained HTML file, without scripts. */
import { escapeHtml, pageStyle } from './kit-style.ts';

/** @param page.words - 24, separated by blanks; secret. `directory`: the name of the storage's folder. */
export function storageWordsPage({ words, directory, rootKeyId, nowMs }: { readonly words: string; readonly directory: string; readonly rootKeyId: string; readonly nowMs: number }): string {
  const listed = words.split(' ').map((word, index) => `<li><i>${index + 1}</i>${escapeHtml(word)}</li>`).join('');
  const name = escapeHtml(directory);
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Recovery words of ${name}</title><style>${pageStyle}
.storage-words { columns: 3; list-style: none; padding: 0; margin: 6mm 0; font-size: 14pt; }
.storage-words li { break-inside: avoid; margin-bottom: 2.5mm; } .storage-words i { display: inline-block; width: 9mm; color: #4c6067; font-style: normal; font-size: 10pt; }
</style></head><body><section class="sheet more">
<header><b>Enfold</b><span>${new Date(nowMs).toISOString().slice(0, 10)}</span></header>
<h1>Recovery words of ${name}</h1>
<p class="lead">Whoever has these words and the storage folder can read all of it. Keep this page apart from the folder.</p>
<ol class="storage-words">${listed}</ol>
<p>Root key <span class="mono">${escapeHtml(rootKeyId)}</span></p>
<h2>On another computer</h2>
<ol class="how"><li>Install Enfold, and bring the storage folder: its disk, or a copy that was made while the storage was stopped.</li>
<li>Run <code>enfold storage root-key import --dir DIR</code>, DIR being the folder, and type the words.</li>
<li>Run <code>enfold storage serve --dir DIR</code>, or add the folder as storage in the window.</li></ol>
</section></body></html>`;
}
