/** Files that changed in two places: both were kept; here the user decides, one by one or for all. */
import { useState, type ReactElement } from 'react';
import { useTranslation } from 'react-i18next';
import { ActionIcon, Button, Checkbox } from '@mantine/core';
import { IconChevronLeft, IconChevronRight, IconDevices, IconFile, IconGitFork, type Icon } from '@tabler/icons-react';
import type { FolderView, TwoVersionsView, VersionSide } from '../../preload/contract.ts';
import { ask, useAction, useAnswer } from '../bridge.ts';
import { Choices, ErrorNote, Fact } from '../components/bits.tsx';
import { Dialog } from '../components/Dialog.tsx';
import { baseName, count, exactDateTime, longDateTime, parentOf, visible } from '../format.ts';
import { PreviewContent, usePreview } from './browse/PreviewDialog.tsx';

type Keep = 'both' | 'original' | 'copy';
type Pair = TwoVersionsView & { original: VersionSide };

function Side({ folder, side, title, says, icon: SideIcon, otherText, onText }: { folder: FolderView; side: VersionSide; title: string; says: string; icon: Icon; otherText: string | null; onText: (text: string) => void }): ReactElement {
  const { t } = useTranslation();
  const { preview, error } = usePreview(folder.id, side.sizeBytes < 32_000_000 ? side.path : null);
  const text = preview?.text ?? null;
  if (text !== null && text !== '') queueMicrotask(() => onText(text));
  const other = otherText === null ? null : new Set(otherText.split('\n'));
  return (
    <section className="version" aria-label={title}>
      <div className="row version-head"><span className="version-icon"><SideIcon size={16} stroke={1.75} aria-hidden="true" /></span><div className="col"><h2 className="h3 ell">{title}</h2><bdi className="xs mute version-name">{says}</bdi></div></div>
      <div className="version-stage">
        {error !== null && <p className="sm mute">{error.says}</p>}
        {text !== null && other !== null ? <pre className="selectable">{text.split('\n').slice(0, 400).map((line, index) => <span key={`${index}${line}`} className={other.has(line) ? '' : 'differs'}>{visible(line)}{'\n'}</span>)}</pre> : preview !== null && <PreviewContent preview={preview} name={baseName(side.path)} />}
      </div>
      <dl className="facts"><Fact name={t('twoVersions.changed')}>{exactDateTime(side.modifiedMs)}</Fact><Fact name={t('transfers.size')}>{t('twoVersions.sizeExact', { value: count(side.sizeBytes) })}</Fact></dl>
    </section>
  );
}

type CompareProps = { folder: FolderView; pair: Pair; at: number; all: number; others: readonly string[]; onMove: (by: number) => void; onDone: () => void; onClose: () => void };
function Compare({ folder, pair, at, all, others, onMove, onDone, onClose }: CompareProps): ReactElement {
  const { t } = useTranslation();
  const [keep, setKeep] = useState<Keep>('both');
  const [isForAll, setForAll] = useState(false);
  const [texts, setTexts] = useState<{ original: string | null; copy: string | null }>({ original: null, copy: null });
  const action = useAction();
  const name = visible(baseName(pair.original.path));
  const settle = (): void => void action.run(() => ask('folders.settleTwoVersions', { folderId: folder.id, copies: isForAll ? [pair.copy.path, ...others] : [pair.copy.path], keep })).then((isDone) => isDone && onDone());
  return (
    <Dialog name={t('twoVersions.of', { name })} width={840} onClose={onClose}>
      <form onSubmit={(event) => { event.preventDefault(); settle(); }}>
        <div className="dialog-body">
          <div className="row">
            <div className="grow"><h1 className="ell"><bdi>{t('twoVersions.of', { name })}</bdi></h1><p className="mono sm mute ell">{visible(pair.original.path)}</p></div>
            {all > 1 && (
              <>
                <span className="sm mute">{t('twoVersions.at', { at: count(at + 1), all: count(all) })}</span>
                <ActionIcon variant="subtle" aria-label={t('twoVersions.previous')} disabled={at === 0} onClick={() => onMove(-1)}><IconChevronLeft size={18} stroke={1.6} /></ActionIcon>
                <ActionIcon variant="subtle" aria-label={t('twoVersions.next')} disabled={at === all - 1} onClick={() => onMove(1)}><IconChevronRight size={18} stroke={1.6} /></ActionIcon>
              </>
            )}
          </div>
          <div className="versions-two">
            <Side folder={folder} side={pair.original} title={t('twoVersions.named')} says={t('twoVersions.namedSays')} icon={IconFile} otherText={texts.copy} onText={(text) => texts.original !== text && setTexts((last) => ({ ...last, original: text }))} />
            <Side folder={folder} side={pair.copy} title={t('twoVersions.from', { device: visible(pair.device) })} says={visible(baseName(pair.copy.path))} icon={IconDevices} otherText={texts.original} onText={(text) => texts.copy !== text && setTexts((last) => ({ ...last, copy: text }))} />
          </div>
          <Choices label={t('twoVersions.which')} value={keep} onChange={(value) => setKeep(value as Keep)} options={(['both', 'original', 'copy'] as const).map((value) => ({ value, title: t(`twoVersions.keep.${value}`), says: t(`twoVersions.keepSays.${value}`) }))} />
          {action.error !== null && <ErrorNote error={action.error} />}
        </div>
        <div className="foot">
          {others.length > 0 && <Checkbox size="xs" classNames={{ input: 'check', label: 'check-label' }} checked={isForAll} label={t('twoVersions.others', { count: others.length, value: count(others.length) })} onChange={(event) => setForAll(event.currentTarget.checked)} />}
          <span className="grow" /><Button onClick={onClose}>{t('held.later')}</Button><Button variant="filled" type="submit" loading={action.isRunning} data-autofocus>{t(`twoVersions.keep.${keep}`)}<span className="enter">{t('common.enter')}</span></Button>
        </div>
      </form>
    </Dialog>
  );
}

export function TwoVersionsList({ folder }: { folder: FolderView }): ReactElement {
  const { t } = useTranslation();
  const { value, error, reload } = useAnswer('folders.twoVersions', { folderId: folder.id }, folder.status.lastSuccessMs);
  const [open, setOpen] = useState<string | null>(null);
  const pairs = (value ?? []).filter((one): one is Pair => one.original !== null);
  const current = pairs.find((pair) => pair.copy.path === open);
  return (
    <section aria-label={t('tabs.twoVersions')}>
      {error !== null && <ErrorNote error={error} />}
      {pairs.length > 0 && <p className="sm mute quiet">{t('twoVersions.says')}</p>}
      {pairs.map((pair) => (
        <div className="tr two-grid" key={pair.copy.path}>
          <span className="row"><IconGitFork size={18} stroke={1.6} className="row-icon" aria-hidden="true" /><span className="col"><bdi className="b ell">{visible(baseName(pair.original.path))}</bdi><span className="xs faint ell">{visible(parentOf(pair.original.path))}</span></span></span>
          <span className="sm mute ell">{t('twoVersions.line', { device: visible(pair.device), at: longDateTime(pair.copy.modifiedMs) })}</span>
          <Button size="xs" onClick={() => setOpen(pair.copy.path)} aria-label={t('twoVersions.compareOf', { name: visible(baseName(pair.original.path)) })}>{t('twoVersions.compare')}</Button>
        </div>
      ))}
      {value !== null && pairs.length === 0 && <p className="mute quiet">{t('twoVersions.none')}</p>}
      {current !== undefined && <Compare key={current.copy.path} folder={folder} pair={current} at={pairs.indexOf(current)} all={pairs.length} onMove={(by) => setOpen(pairs[pairs.indexOf(current) + by]?.copy.path ?? null)} others={pairs.filter((pair) => pair !== current).map((pair) => pair.copy.path)} onClose={() => setOpen(null)} onDone={() => { setOpen(null); reload(); }} />}
    </section>
  );
}
