/** How far one file is, while its pieces are on their way side by side. */
import type { OnProgress } from '../sync/ports.ts';

export type Piece = {
  /** So many bytes of it have left or arrived; a piece that is sent again begins at 0. */
  readonly moved: (bytes: number) => void;
  /** It has gone for good. */
  readonly done: () => void;
};

/** Joins what pieces say to one figure, which never falls: what was told is not taken back when a piece must be sent again. */
export function sumOfPieces(onProgress: OnProgress): { piece(bytes: number): Piece } {
  const underWay = new Map<Piece, number>();
  let doneBytes = 0;
  let toldBytes = 0;
  const tell = (): void => {
    const bytes = [...underWay.values()].reduce((sum, moved) => sum + moved, doneBytes);
    if (bytes <= toldBytes) return;
    toldBytes = bytes;
    onProgress(bytes);
  };
  return {
    piece: (bytes) => {
      const piece: Piece = {
        moved: (moved) => {
          if (!underWay.has(piece)) return;
          underWay.set(piece, Math.min(bytes, moved));
          tell();
        },
        done: () => {
          if (!underWay.delete(piece)) return;
          doneBytes += bytes;
          tell();
        },
      };
      underWay.set(piece, 0);
      return piece;
    },
  };
}
