/** Speed, what is left, and how it went of late. */
import type { ReactElement } from 'react';
import { useTranslation } from 'react-i18next';
import type { FolderView } from '../../preload/contract.ts';
import { bytes, count, rate, remaining } from '../format.ts';
import { SAMPLES, TRAIL, sumOf, useThroughput } from '../throughput.ts';

const [WIDTH, HEIGHT] = [120, 28];

/** The newest sample stands at the right end of `slots` places; the highest fills the height. */
export function pathOf(samples: readonly number[], slots = SAMPLES): string {
  const top = Math.max(1, ...samples);
  const step = WIDTH / (slots - 1);
  return samples.map((sample, index) => `${index === 0 ? 'M' : 'L'}${(WIDTH - (samples.length - 1 - index) * step).toFixed(1)} ${(HEIGHT - 1 - ((HEIGHT - 2) * sample) / top).toFixed(1)}`).join('');
}

type SparklineProps = { samples: readonly number[]; slots?: number; says?: 'throughput.chart' | 'throughput.chartShort' };
export function Sparkline({ samples, slots = SAMPLES, says = 'throughput.chartShort' }: SparklineProps): ReactElement | null {
  const { t } = useTranslation();
  if (samples.length < 2) return <span className="spark" />;
  const line = pathOf(samples, slots);
  const start = WIDTH - (samples.length - 1) * (WIDTH / (slots - 1));
  return (
    <svg className="spark" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" role="img" aria-label={t(says, { now: rate(samples.at(-1) ?? 0), top: rate(Math.max(...samples)) })}>
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

/** All folders together over the last half hour, on Home: always there, so that nothing moves when something begins to. */
export function TrafficPanel({ folders }: { folders: readonly FolderView[] }): ReactElement {
  const { t } = useTranslation();
  const trail = useThroughput((state) => state.trail);
  const now = useSamples(folders).at(-1) ?? 0;
  const progress = sumProgress(folders);
  const speed = progress?.bytesPerSecond ?? 0;
  const left = progress === null ? null : remaining(progress.totalBytes - progress.doneBytes, speed);
  return (
    <section className="panel stat traffic" aria-label={t('throughput.title')}>
      <div className="row"><h2 className="h3 grow">{t('throughput.title')}</h2><span className="xs faint">{t('throughput.span')}</span></div>
      {progress === null ? <p className="mute stat-figure">{t('throughput.still')}</p> : <p className="stat-figure"><b>{rate(speed)}</b> {left !== null && <span className="sm mute">{t(`folder.left.${left.unit}`, { value: left.value })}</span>}</p>}
      {progress !== null && <p className="sm mute">{t('folder.progress', { done: count(progress.doneFiles), total: count(progress.totalFiles), doneBytes: bytes(progress.doneBytes), totalBytes: bytes(progress.totalBytes) })}</p>}
      <Sparkline samples={[...trail, now]} slots={TRAIL + 1} says="throughput.chart" />
    </section>
  );
}
