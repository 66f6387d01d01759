/** The fold: Enfold's own shape. What stands in its mouth says the state. */
import type { ReactElement } from 'react';
import type { FolderState5 } from '../../preload/contract.ts';

const FLAPS = ['M1 4.6l6.25 6.25L3.17 14.93A2 2 0 0 1 1 13z', 'M15 4.6V13a2 2 0 0 1-2 2H4.6z'];
const MOUTH: Record<FolderState5, ReactElement> = {
  'up-to-date': <path d="M4.6 1h6.8a1 1 0 0 1 1 1v3.7L8 10.1 3.6 5.7V2a1 1 0 0 1 1-1z" />,
  syncing: <path className="glyph-arrow" d="M6.5.5h3v4.9h3.2L8 10.1 3.3 5.4h3.2z" />,
  paused: <path d="M4 1h3v8.1l-3-3zM9 1h3v5.1l-3 3z" />,
  'needs-attention': (
    <>
      <path d="M6.7.4h2.6L8.95 5.9h-1.9z" />
      <circle cx="8" cy="7.95" r="1.35" />
    </>
  ),
  locked: <path d="M4.2 6.3V4.3a3.8 3.8 0 0 1 7.6 0v2l-2 2v-4a1.8 1.8 0 0 0-3.6 0v4z" />,
};

export function StateGlyph({ state, size = 16 }: { state: FolderState5; size?: number }): ReactElement {
  return (
    <svg className="glyph" viewBox="0 0 16 16" width={size} height={size} aria-hidden="true">
      {MOUTH[state]}
      {FLAPS.map((flap) => <path key={flap} d={flap} />)}
    </svg>
  );
}

/** The closed fold: sealed on this computer. */
export function SealedGlyph({ size = 14 }: { size?: number }): ReactElement {
  return (
    <svg className="glyph" viewBox="0 0 16 16" width={size} height={size} aria-hidden="true">
      <path d="M1 4.2 7.5 10.2 3 14.5a2 2 0 0 1-2-2z" />
      <path d="M15 4.2V12.5a2 2 0 0 1-2 2H5.1z" />
      <path d="M2.2 2.5h11.6L8 8.2z" />
    </svg>
  );
}

/** Overlay of a file's icon: this is the decrypted view of a sealed object. */
export function Padlock(): ReactElement {
  return (
    <svg className="padlock" viewBox="0 0 12 12" aria-hidden="true">
      <path d="M3 5.2V4a3 3 0 0 1 6 0v1.2h.6c.5 0 .9.4.9.9v4c0 .5-.4.9-.9.9H2.4c-.5 0-.9-.4-.9-.9v-4c0-.5.4-.9.9-.9zm1.5 0h3V4a1.5 1.5 0 0 0-3 0z" />
    </svg>
  );
}

export const TINT = 'M-6 8a6 6 0 0 1 12 0M6 8a6 6 0 0 1 12 0M0 4a6 6 0 0 1 12 0M-12 4a6 6 0 0 1 12 0M12 4a6 6 0 0 1 12 0M-6 0a6 6 0 0 1 12 0';

/** The open fold with a sheet in it, or with a dashed place where one goes. */
export function FoldArt({ holds, width }: { holds: 'sheet' | 'place'; width: number }): ReactElement {
  return (
    <svg className="fold-art" viewBox="0 0 260 220" width={width} height={(width * 220) / 260} aria-hidden="true">
      <defs>
        <pattern id={`lining-${holds}`} width="12" height="8" patternUnits="userSpaceOnUse">
          <path d={TINT} fill="none" stroke="var(--fold-lining)" strokeOpacity=".5" />
        </pattern>
      </defs>
      <path d="M40 72h180v118a14 14 0 0 1-14 14H54a14 14 0 0 1-14-14z" fill="var(--fold-inside)" />
      <path d="M40 72h180v118a14 14 0 0 1-14 14H54a14 14 0 0 1-14-14z" fill={`url(#lining-${holds})`} />
      {holds === 'sheet' ? (
        <>
          <path d="M78 22a10 10 0 0 1 10-10h84a10 10 0 0 1 10 10v150H78z" fill="var(--warm)" />
          <path d="M98 40h52M98 58h64M98 76h36" stroke="#7a4a12" strokeOpacity=".5" strokeWidth="7" strokeLinecap="round" />
        </>
      ) : (
        <>
          <path d="M78 106V24a10 10 0 0 1 10-10h84a10 10 0 0 1 10 10v82" fill="none" stroke="var(--crease)" strokeWidth="2" strokeDasharray="7 6" />
          <path d="M130 40v44M112 66l18 18 18-18" fill="none" stroke="var(--accent)" strokeWidth="4" strokeLinecap="round" strokeLinejoin="round" />
        </>
      )}
      <path d="M40 78c0-5 6-8 10-4l84 84-46 46H54a14 14 0 0 1-14-14z" fill="var(--fold-1)" />
      <path d="M220 78c0-5-6-8-10-4L84 200l-4 4h126a14 14 0 0 0 14-14z" fill="var(--fold-2)" />
      <path d="M210 74 80 204M220 80v110a14 14 0 0 1-14 14H80" fill="none" stroke="var(--fold-3)" strokeWidth="1.5" />
    </svg>
  );
}
