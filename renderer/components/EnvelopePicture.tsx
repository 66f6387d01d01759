/**
 * Who seals, where, and who holds the key, in one picture. The pocket stands on the side that encrypts; the key stands with
 * whoever holds it; a solid key arrow stays on its side of the crease, a dashed one crosses it; the slip is the wrapped data key.
 */
import type { ReactElement } from 'react';
import { useTranslation } from 'react-i18next';
import { MODES, type ModeChoice, type ModeFamily } from '../modes.ts';
import { TINT } from './glyphs.tsx';

type KeyPlace = { x: number; width: number; name: string; says: string; arrow: string; isLent: boolean };
type Note = { x: number; y: number; lines: string[] };

function Arrow({ d, tone, isDashed = false }: { d: string; tone: ModeFamily | 'ink-3'; isDashed?: boolean }): ReactElement {
  return <path d={d} fill="none" stroke={`var(--${tone})`} strokeWidth="1.5" strokeDasharray={isDashed ? '4 4' : undefined} markerEnd={`url(#arrow-${tone})`} />;
}

function Sheet({ x, y, height }: { x: number; y: number; height: number }): ReactElement {
  const line = (share: number): number => Number((height * share).toFixed(1));
  return (
    <g transform={`translate(${x} ${y})`}>
      <path d={`M0 4a4 4 0 0 1 4-4h32l12 12v${height - 16}a4 4 0 0 1-4 4H4a4 4 0 0 1-4-4z`} fill="var(--sheet)" stroke="var(--ink-3)" strokeWidth="1.25" />
      <path d="M36 0v8a4 4 0 0 0 4 4h8" fill="none" stroke="var(--ink-3)" strokeWidth="1.25" />
      <path d={`M9 ${line(0.38)}h28M9 ${line(0.55)}h30M9 ${line(0.72)}h18`} stroke="var(--sheet-line)" strokeWidth="3" strokeLinecap="round" />
    </g>
  );
}

function Pocket({ x, tone }: { x: number; tone: ModeFamily }): ReactElement {
  return (
    <g transform={`translate(${x} 40)`}>
      <Sheet x={8} y={0} height={52} />
      <path d="M0 22 32 50 7 72H5a5 5 0 0 1-5-5z" fill={`var(--${tone}-line)`} />
      <path d="M64 22v45a5 5 0 0 1-5 5H7z" fill={`var(--${tone}-soft)`} />
      <path d="M0 22 32 50 64 22v45a5 5 0 0 1-5 5H5a5 5 0 0 1-5-5zM32 50 6 72.5" fill="none" stroke={`var(--${tone})`} strokeWidth="1.5" strokeLinejoin="round" />
    </g>
  );
}

function KeyMark({ x, y, tone }: { x: number; y: number; tone: ModeFamily }): ReactElement {
  return (
    <g transform={`translate(${x} ${y})`} fill="none" stroke={`var(--${tone}-ink)`} strokeWidth="1.5">
      <circle cx="3.2" cy="5.5" r="2.7" />
      <path d="M5.9 5.5h6.6v2.8M9.6 5.5v2" />
    </g>
  );
}

function SealedLetter({ x, tone, hasSlip }: { x: number; tone: ModeFamily; hasSlip: boolean }): ReactElement {
  return (
    <g transform={`translate(${x} 52)`}>
      <rect width="76" height="58" rx="5" fill={`var(--${tone}-soft)`} />
      <rect width="76" height="58" rx="5" fill={`url(#tint-${tone})`} />
      <rect width="76" height="58" rx="5" fill="none" stroke={`var(--${tone})`} strokeWidth="1.5" />
      <path d="M1.5 2 38 33 74.5 2" fill={`var(--${tone}-soft)`} stroke={`var(--${tone})`} strokeWidth="1.5" strokeLinejoin="round" />
      {hasSlip && (
        <g transform="translate(44 38)">
          <rect width="40" height="20" rx="4" fill="var(--surface)" stroke={`var(--${tone})`} strokeWidth="1.25" />
          <KeyMark x={5} y={4.5} tone={tone} />
          <path d="M21 7h14M21 13h10" stroke={`var(--${tone}-line)`} strokeWidth="2.5" strokeLinecap="round" />
        </g>
      )}
    </g>
  );
}

/**
 * @param storage - what stands right of the crease: Amazon S3, another server, or the user's own disk.
 * @param keyName - the chosen key's own name, where one is chosen.
 */
export function EnvelopePicture({ mode, storage, keyName }: { mode: ModeChoice; storage: string; keyName?: string | undefined }): ReactElement {
  const { t } = useTranslation();
  const tone = MODES[mode].family;
  const isClient = tone === 'client';
  const usesKms = mode === 'cse-kms' || mode === 'sse-kms' || mode === 'sse-kms-aws';
  const keys: Record<ModeChoice, KeyPlace> = {
    'cse-c': { x: 46, width: 156, name: t('picture.yourKey'), says: t('picture.staysInKeychain'), arrow: 'M136 180V136', isLent: false },
    'cse-kms': { x: 252, width: 184, name: t('picture.yourKmsKey'), says: t('picture.neverLeavesKms'), arrow: 'M250 202H136V138', isLent: true },
    'sse-c': { x: 12, width: 150, name: t('picture.yourKey'), says: t('picture.inKeychain'), arrow: 'M164 202H288V138', isLent: true },
    'sse-kms': { x: 252, width: 184, name: t('picture.yourKmsKey'), says: t('picture.youSayWho'), arrow: 'M288 180V138', isLent: false },
    'sse-kms-aws': { x: 252, width: 184, name: 'alias/aws/s3', says: t('picture.awsKeepsIt'), arrow: 'M288 180V138', isLent: false },
    'sse-s3': { x: 252, width: 184, name: t('picture.keyOfS3'), says: t('picture.s3KeepsIt'), arrow: 'M288 180V138', isLent: false },
  };
  const noKeyHere: Note = { x: 12, y: 198, lines: [t('picture.noKeyHere1'), t('picture.noKeyHere2')] };
  const notes: Record<ModeChoice, Note> = {
    'cse-c': { x: 250, y: 198, lines: [t('picture.noKeyCrosses1'), t('picture.noKeyCrosses2')] },
    'cse-kms': { x: 12, y: 198, lines: [t('picture.kmsHandsOut1'), t('picture.kmsHandsOut2')] },
    'sse-c': { x: 300, y: 182, lines: [t('picture.lent1'), t('picture.lent2'), t('picture.lent3')] },
    'sse-kms': noKeyHere, 'sse-kms-aws': noKeyHere, 'sse-s3': noKeyHere,
  };
  const key = keys[mode];
  // The key by its own name once there is one, cut in the middle where the box would not hold it.
  const room = Math.floor((key.width - 40) / 6.3);
  const own = mode === 'sse-s3' || mode === 'sse-kms-aws' || keyName === undefined || keyName === '' ? key.name : keyName;
  const named = own.length <= room ? own : `${own.slice(0, Math.ceil(room / 2) - 1)}…${own.slice(-(Math.floor(room / 2)))}`;
  const note = notes[mode];
  const caption = (x: number, says: string): ReactElement => <text x={x} y={128} textAnchor="middle">{says}</text>;

  return (
    <svg className="picture" viewBox="0 0 468 252" role="img" aria-label={t(`picture.says.${mode}`)}>
      <defs>
        {(['client', 'server', 'ink-3'] as const).map((each) => (
          <marker key={each} id={`arrow-${each}`} viewBox="0 0 8 8" refX="6.5" refY="4" markerWidth="7" markerHeight="7" orient="auto-start-reverse">
            <path d="M1 1l5.5 3L1 7" fill="none" stroke={`var(--${each})`} strokeWidth="1.5" />
          </marker>
        ))}
        {(['client', 'server'] as const).map((each) => (
          <pattern key={each} id={`tint-${each}`} width="12" height="8" patternUnits="userSpaceOnUse">
            <path d={TINT} fill="none" stroke={`var(--${each})`} strokeOpacity=".45" strokeWidth=".9" />
          </pattern>
        ))}
      </defs>
      <text x="12" y="18" className="picture-side">{t('picture.thisComputer')}</text>
      <text x="228" y="18" className="picture-side">{usesKms ? t('picture.andKms', { storage }) : storage}</text>
      <path d="M214 6V248" stroke="var(--crease)" strokeDasharray="5 4" />
      <Sheet x={isClient ? 12 : 48} y={52} height={60} />
      {caption(isClient ? 36 : 72, t('picture.yourFile'))}
      {isClient ? (
        <>
          <Arrow d="M68 82H92" tone="ink-3" />
          <Pocket x={104} tone={tone} />
          {caption(136, t('picture.sealedHere'))}
          <Arrow d="M178 82H286" tone={tone} />
          <text x="250" y="74" textAnchor="middle">{t('picture.sealed')}</text>
          <SealedLetter x={300} tone={tone} hasSlip />
          {caption(338, t('picture.wrappedInside'))}
        </>
      ) : (
        <>
          <Arrow d="M108 82H244" tone="ink-3" />
          <text x="160" y="74" textAnchor="middle">{t('picture.insideTls')}</text>
          <Pocket x={256} tone={tone} />
          {caption(288, t('picture.s3Encrypts'))}
          <Arrow d="M328 82H360" tone={tone} />
          <SealedLetter x={372} tone={tone} hasSlip={mode !== 'sse-c'} />
          {caption(410, t('picture.atRest'))}
        </>
      )}
      <g transform={`translate(${key.x} 182)`}>
        <rect width={key.width} height="40" rx="6" fill="var(--surface)" stroke={`var(--${tone})`} strokeWidth="1.25" />
        <KeyMark x={11} y={14.5} tone={tone} />
        <text x="33" y="17" className="picture-key">{named}</text>
        <text x="33" y="31">{key.says}</text>
      </g>
      <Arrow d={key.arrow} tone={tone} isDashed={key.isLent} />
      {note.lines.map((line, index) => <text key={line} x={note.x} y={note.y + 15 * index}>{line}</text>)}
    </svg>
  );
}
