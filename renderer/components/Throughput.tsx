/** Speed, what is left, and how it went in the last two minutes. */
import type { ReactElement } from 'react';
import { useTranslation } from 'react-i18next';
import type { FolderView } from '../../preload/contract.ts';
import { bytes, count, percent, rate, remaining } from '../format.ts';
import { MODES } from '../modes.ts';
import { SAMPLES, sumOf, useThroughput } from '../throughput.ts';
import { Bar } from './bits.tsx';

const [WIDTH, HEIGHT] = [120, 28];

/** The newest sample stands at the right end; the highest fills the height. */
export function pathOf(samples: readonly number[]): string {
  const top = Math.max(1, ...samples);
  const step = WIDTH / (SAMPLES - 1);
  return samples.map((sample, index) => `${index === 0 ? 'M' : 'L'}${(WIDTH - (samples.length - 1 - index) * step).toFixed(1)} ${(HEIGHT - 1 - ((HEIGHT - 2) * sample) / top).toFixed(1)}`).join('');
}

export function Sparkline({ samples }: { samples: readonly number[] }): ReactElement | null {
  const { t } = useTranslation();
  if (samples.length < 2) return <span className="spark" />;
  const line = pathOf(samples);
  const start = WIDTH - (samples.length - 1) * (WIDTH / (SAMPLES - 1));
  return (
    <svg className="spark" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" role="img" aria-label={t('throughput.chart', { now: rate(samples.at(-1) ?? 0), top: rate(Math.max(...samples)) })}>
      <path className="spark-fill" d={`${line}L${WIDTH} ${HEIGHT}L${start.toFixed(1)} ${HEIGHT}Z`} />
      <path className="spark-line" d={line} vectorEffect="non-scaling-stroke" />
    </svg>
  );
}

export function useSamples(folders: readonly FolderView[]): number[] {
  const rates = useThroughput((state) => state.rates);
  return sumOf(folders.map(({ id }) => rates.get(id) ?? []));
}

export type Moving = { doneFiles: number; totalFiles: number; doneBytes: number; totalBytes: number; bytesPerSecond: number };
/** Null where none of them knows yet. */
export function sumProgress(folders: readonly FolderView[]): Moving | null {
  const known = folders.flatMap(({ status }) => (status.state === 'syncing' && status.progress !== null ? [status.progress] : []));
  if (known.length === 0) return null;
  const sum = (pick: (one: Moving) => number): number => known.reduce((all, one) => all + pick(one), 0);
  return { doneFiles: sum((one) => one.doneFiles), totalFiles: sum((one) => one.totalFiles), doneBytes: sum((one) => one.doneBytes), totalBytes: sum((one) => one.totalBytes), bytesPerSecond: sum((one) => one.bytesPerSecond) };
}

/** `3.1 MB/s about 2 min left`; nothing while nothing moves. */
export function Speed({ progress }: { progress: Moving }): ReactElement | null {
  const { t } = useTranslation();
  const left = remaining(progress.totalBytes - progress.doneBytes, progress.bytesPerSecond);
  if (progress.bytesPerSecond <= 0) return null;
  return <span className="sm speed"><span className="b">{rate(progress.bytesPerSecond)}</span> {left !== null && <span className="mute">{t(`folder.left.${left.unit}`, { value: left.value })}</span>}</span>;
}

/** All folders together, on Home: there while something moves, and as long as its trace is. */
export function ThroughputPanel({ folders }: { folders: readonly FolderView[] }): ReactElement | null {
  const { t } = useTranslation();
  const samples = useSamples(folders);
  const progress = sumProgress(folders);
  if (progress === null && samples.length < 2) return null;
  const share = progress === null ? null : progress.totalBytes > 0 ? percent(progress.doneBytes, progress.totalBytes) : percent(progress.doneFiles, progress.totalFiles);
  const isSealed = folders.every((folder) => folder.status.state !== 'syncing' || MODES[folder.mode].family === 'client');
  return (
    <section className="panel throughput" aria-label={t('throughput.title')}>
      <div className="throughput-words">
        <h2 className="h3">{t(progress === null ? 'throughput.still' : 'throughput.title')}</h2>
        <span className="sm mute">{progress === null ? t('throughput.peak', { top: rate(Math.max(...samples)) }) : t('folder.progress', { done: count(progress.doneFiles), total: count(progress.totalFiles), doneBytes: bytes(progress.doneBytes), totalBytes: bytes(progress.totalBytes) })}</span>
        {progress !== null && <Speed progress={progress} />}
      </div>
      <Sparkline samples={samples} />
      {share !== null && <Bar share={share} isSealed={isSealed} label={t('throughput.title')} />}
    </section>
  );
}
