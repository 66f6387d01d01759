/** Small parts that several views share. */
import { useEffect, useState, type ReactElement, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { Radio, Tooltip, UnstyledButton } from '@mantine/core';
import { IconAlertTriangle, IconArrowsLeftRight, IconArrowLeft, IconArrowRight, IconCloudLock, IconCopy } from '@tabler/icons-react';
import type { FolderState5, FolderStatus, FolderView, WireError } from '../../preload/contract.ts';
import { ago, bytes, count, percent, visible } from '../format.ts';
import { quote } from '../mode-request.ts';
import { MODES, type ModeChoice } from '../modes.ts';
import { SealedGlyph, StateGlyph } from './glyphs.tsx';
import { moveBetweenRadios } from './radio-keys.ts';

const TONES: Record<FolderState5, string> = { 'up-to-date': 'ok', syncing: 'busy', paused: 'paused', 'needs-attention': 'attention', locked: 'locked' };

/** The share that is done, or null while nothing is known. */
export function progressOf({ progress }: FolderStatus): number | null {
  if (progress === null) return null;
  return progress.totalBytes > 0 ? percent(progress.doneBytes, progress.totalBytes) : percent(progress.doneFiles, progress.totalFiles);
}

/** The word for all that lies on S3: it names no protection while that is being changed. */
export function whatIsThere({ mode, status: { change } }: Pick<FolderView, 'mode' | 'status'>): 'table.allSealed' | 'table.allEncrypted' | 'table.allChanging' {
  if (change !== null && change.finishedAtMs === null) return 'table.allChanging';
  return MODES[mode].family === 'client' ? 'table.allSealed' : 'table.allEncrypted';
}

/** Always glyph and word, never colour alone. */
export function StatusWord({ status }: { status: FolderStatus }): ReactElement {
  const { t } = useTranslation();
  const done = progressOf(status);
  const says = status.state === 'syncing' && done !== null ? t('state.syncingPercent', { percent: done }) : t(`state.${status.state}`);
  return (
    <span className={`st ${TONES[status.state]}`}>
      <StateGlyph state={status.state} />
      {says}
    </span>
  );
}

/** The fact worth a second line, or null. */
export function useSecondLine(): (status: FolderStatus) => string | null {
  const { t } = useTranslation();
  return (status) => {
    if (status.held !== null) return t('second.held', { count: status.held.deletions, value: count(status.held.deletions) });
    if (status.state === 'locked') return t('second.locked');
    const problem = status.problems[0];
    if (status.state === 'needs-attention' && problem !== undefined) return visible(problem.error.says);
    if (status.change !== null && status.change.finishedAtMs === null) return t('change.second', { done: count(status.change.done), total: count(status.change.total) });
    if (status.phase === 'scanning' || status.phase === 'planning') return t(`second.${status.phase}`);
    return null;
  };
}

export function Bar({ share, isSealed, label }: { share: number; isSealed: boolean; label: string }): ReactElement {
  return (
    <div className={isSealed ? 'bar sealed' : 'bar'} role="progressbar" aria-label={label} aria-valuemin={0} aria-valuemax={100} aria-valuenow={share}>
      <i style={{ width: `${share}%` }} />
    </div>
  );
}

export function ModeBadge({ mode }: { mode: ModeChoice }): ReactElement {
  const { t } = useTranslation();
  const { family, tag } = MODES[mode];
  return (
    <Tooltip label={tag}>
      <span className={`mode ${family}`}>
        {family === 'client' ? <SealedGlyph /> : <IconCloudLock size={14} stroke={1.9} aria-hidden="true" />}
        {t(`modes.${mode}.badge`)}
      </span>
    </Tooltip>
  );
}

export function DirectionIcon({ direction, size = 14 }: { direction: FolderView['direction']; size?: number }): ReactElement {
  const { t } = useTranslation();
  const Icon = direction === 'two-way' ? IconArrowsLeftRight : direction.startsWith('upload') ? IconArrowRight : IconArrowLeft;
  return <Icon size={size} stroke={1.9} role="img" aria-label={t(`direction.${direction}.name`)} />;
}

/** In place, never a toast: what happened, what is safe or to do, and the server's own word under Details. */
export function ErrorNote({ error, children }: { error: WireError; children?: ReactNode }): ReactElement {
  const { t } = useTranslation();
  const details = [error.about.path, error.about.objectKey, error.about.server, error.about.detail].filter((one) => one !== undefined);
  return (
    <div className="error-note" role="alert">
      <IconAlertTriangle size={18} stroke={1.6} aria-hidden="true" />
      <div className="col">
        <span className="b">{visible(error.says)}</span>
        <span className="sm mute">{visible(error.next)}</span>
        {error.about.fix !== undefined && <span className="row sm">{t('fix.command')} <Copyable value={error.about.fix.map(quote).join(' ')} /></span>}
        <details className="sm">
          <summary>{t('common.details')}</summary>
          <p className="mono selectable">{[error.code, ...details].map(visible).join('\n')}</p>
        </details>
        {children}
      </div>
    </div>
  );
}

/** One question, its choices one below the other, each with its consequence. */
export type ChoiceOption = { value: string; title: string; says: string; icon?: ReactElement; tag?: string; isDisabled?: boolean };
export function Choices({ label, value, onChange, options }: { label: string; value: string; onChange: (value: string) => void; options: readonly ChoiceOption[] }): ReactElement {
  return (
    <Radio.Group value={value} onChange={onChange} aria-label={label} className="choices" onKeyDownCapture={moveBetweenRadios}>
      {options.map((option) => (
        <Radio.Card key={option.value} value={option.value} className="choice" disabled={option.isDisabled} aria-label={`${option.title}. ${option.says}`}>
          <span className="radio" />
          {option.icon !== undefined && <span className="choice-icon">{option.icon}</span>}
          <span className="grow">
            <span className="row">
              <span className="b">{option.title}</span>
              {option.tag !== undefined && <span className="tag">{option.tag}</span>}
            </span>
            <span className="sm mute choice-says">{option.says}</span>
          </span>
        </Radio.Card>
      ))}
    </Radio.Group>
  );
}

/** Ticks, so that "40 s ago" stays true. */
export function useNow(everyMs = 5000): number {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), everyMs);
    return () => clearInterval(timer);
  }, [everyMs]);
  return now;
}

export function Ago({ ms }: { ms: number | null }): ReactElement {
  const { t } = useTranslation();
  const now = useNow();
  if (ms === null) return <>{t('ago.never')}</>;
  const when = ago(ms, now);
  switch (when.unit) {
    case 'now':
      return <>{t('ago.now')}</>;
    case 'seconds':
    case 'minutes':
      return <>{t(`ago.${when.unit}`, { value: when.value })}</>;
    case 'today':
    case 'yesterday':
      return <>{t(`ago.${when.unit}`, { at: when.at })}</>;
    default:
      return <>{when.at}</>;
  }
}

export function Fact({ name, children }: { name: string; children: ReactNode }): ReactElement {
  return (
    <>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </>
  );
}

/** A long name that may be cut, with a button that copies the whole. */
export function Copyable({ value, isButtonOnly = false }: { value: string; isButtonOnly?: boolean }): ReactElement {
  const { t } = useTranslation();
  const [isCopied, setCopied] = useState(false);
  const copy = (): void => {
    const area = document.createElement('textarea');
    area.value = value;
    document.body.append(area);
    area.select();
    setCopied(document.execCommand('copy'));
    area.remove();
  };
  return (
    <span className="row copyable">
      {!isButtonOnly && <Tooltip label={visible(value)} multiline maw={420}><span className="mono ell">{visible(value)}</span></Tooltip>}
      <UnstyledButton className="copy" onClick={copy} aria-label={isCopied ? t('common.copied') : t('common.copy')}>
        <IconCopy size={14} stroke={1.9} aria-hidden="true" />
      </UnstyledButton>
    </span>
  );
}

export function useTotals(): (files: number, size: number) => string {
  const { t } = useTranslation();
  return (files, size) => t('common.filesAndBytes', { count: files, files: count(files), bytes: bytes(size) });
}
