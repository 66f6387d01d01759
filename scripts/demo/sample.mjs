// A folder as people have them: texts, a picture, a large file, an empty one, an empty folder, and odd names.
import { createHash, randomFillSync } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { crc32, deflateSync } from 'node:zlib';

function pngChunk(type, content) {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), content]);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(content.length);
  const sum = Buffer.alloc(4);
  sum.writeUInt32BE(crc32(body));
  return Buffer.concat([length, body, sum]);
}

/** A picture of an evening over hills, as PNG bytes. */
function eveningPicture(width, height) {
  const rows = Buffer.alloc(height * (1 + width * 3));
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      const at = y * (1 + width * 3) + 1 + x * 3;
      const ridges = [0.55, 0.68, 0.8].map((level, i) => height * (level + 0.05 * Math.sin((x / width) * (5 + 3 * i) + i * 2)));
      const sun = Math.hypot(x - width * 0.68, y - height * 0.42) < height * 0.09;
      const fade = y / height;
      let colour = sun ? [255, 214, 150] : [60 + 180 * fade, 80 + 70 * fade, 130 - 20 * fade];
      ridges.forEach((ridge, i) => {
        if (y > ridge) colour = [70 - 20 * i, 60 - 15 * i, 90 - 22 * i];
      });
      colour.forEach((value, i) => {
        rows[at + i] = value;
      });
    }
  }
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, 2, 0, 0, 0], 8);
  return Buffer.concat([Buffer.from('89504e470d0a1a0a', 'hex'), pngChunk('IHDR', header), pngChunk('IDAT', deflateSync(rows)), pngChunk('IEND', Buffer.alloc(0))]);
}

/** A sentence that must not be found anywhere in the storage. */
export const CANARY = 'Dear diary, nobody but me may read this sentence.';

const ODD_NAMES = [
  'Grüße aus Köln.txt', 'déjà vu (final) [2].txt', '日本語のメモ.txt', 'emoji 🗝️ key.txt', ' leading space.txt', 'percent %41 & plus +.txt', "it's \"quoted\".txt",
  'semi;colon, comma.txt', 'back\\slash.txt', 'no extension', `${'long-'.repeat(40)}name.txt`,
];

/** Fills `folder`; answers how many files and bytes it made. */
export function makeSampleFolder(folder, largeBytes) {
  const write = (name, content) => {
    fs.mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
    fs.writeFileSync(path.join(folder, name), content);
  };
  write('diary.txt', `${CANARY}\n`.repeat(40));
  write('notes/shopping.md', '# Shopping\n\n- bread\n- apricots\n- stamps\n');
  write('notes/deep/er/still/here.txt', 'at the bottom\n');
  write('photos/evening.png', eveningPicture(960, 640));
  write('empty file', '');
  for (const name of ODD_NAMES) write(`odd names/${name}`, `${CANARY} (${name})\n`);
  fs.mkdirSync(path.join(folder, 'empty folder'), { recursive: true });
  // Random and written in pieces, so that the demo itself needs little memory.
  const large = fs.openSync(path.join(folder, 'video.bin'), 'w');
  const piece = Buffer.alloc(4 << 20);
  for (let done = 0; done < largeBytes; done += piece.length) fs.writeSync(large, randomFillSync(piece), 0, Math.min(piece.length, largeBytes - done));
  fs.closeSync(large);
}

/** Path -> SHA-256 of every file, and `directory` for every folder, leaving out Enfold's own. */
export function fingerprints(folder) {
  const found = new Map();
  for (const child of fs.readdirSync(folder, { recursive: true, withFileTypes: true })) {
    const full = path.join(child.parentPath, child.name);
    const name = path.relative(folder, full);
    if (name === '.enfold' || name.startsWith(`.enfold${path.sep}`)) continue;
    if (child.isDirectory()) {
      found.set(name, 'directory');
      continue;
    }
    const hash = createHash('sha256');
    const file = fs.openSync(full, 'r');
    const piece = Buffer.alloc(4 << 20);
    for (let read; (read = fs.readSync(file, piece)) > 0;) hash.update(piece.subarray(0, read));
    fs.closeSync(file);
    found.set(name, hash.digest('hex'));
  }
  return found;
}

/** True where any file below `folder` contains the text. */
export function holdsText(folder, text) {
  const needle = Buffer.from(text);
  return fs.readdirSync(folder, { recursive: true, withFileTypes: true }).filter((child) => child.isFile()).some((child) => {
    const file = fs.openSync(path.join(child.parentPath, child.name), 'r');
    const piece = Buffer.alloc((4 << 20) + needle.length);
    let kept = 0;
    try {
      for (let read; (read = fs.readSync(file, piece, kept, 4 << 20, null)) > 0;) {
        const window = piece.subarray(0, kept + read);
        if (window.includes(needle)) return true;
        kept = Math.min(needle.length - 1, window.length);
        window.copy(piece, 0, window.length - kept);
      }
      return false;
    } finally {
      fs.closeSync(file);
    }
  });
}
