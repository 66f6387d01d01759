import type { ReactElement } from 'react';
import { useTranslation } from 'react-i18next';
import { Radio, SegmentedControl } from '@mantine/core';
import { IconBan, IconBuildingBank, IconCloudLock, IconDeviceLaptop, IconEye, IconEyeOff, IconInfoCircle, IconLock, IconUserCheck, IconUsers } from '@tabler/icons-react';
import type { ConnectionView, FolderView } from '../../../preload/contract.ts';
import { Fact, ModeBadge } from '../../components/bits.tsx';
import { EnvelopePicture } from '../../components/EnvelopePicture.tsx';
import { SealedGlyph } from '../../components/glyphs.tsx';
import { moveBetweenRadios } from '../../components/radio-keys.ts';
import { fingerprint, shortPath } from '../../format.ts';
import { FAMILIES, MODES, type ModeChoice, type ModeFamily } from '../../modes.ts';
import { useStore } from '../../store.ts';
import type { Draft } from '../Wizard.tsx';
import { ModeOptions, WireAndCommand } from './ModeOptions.tsx';

type Props = { draft: Draft; change: (part: Partial<Draft>) => void; connection: ConnectionView | undefined; /** The folder that is there and gets another encryption; its names stay as they are. */ folder?: FolderView };

export function storageWord(t: (name: 'picture.builtIn' | 'picture.amazon' | 'picture.server') => string, connection: ConnectionView | undefined): string {
  if (connection?.kind === 'built-in') return t('picture.builtIn');
  return t((connection?.endpoint ?? null) === null ? 'picture.amazon' : 'picture.server');
}

function Family({ family, isFixed, chosen, isCustomerKeyBlocked }: { family: ModeFamily; isFixed: boolean; chosen: ModeChoice; isCustomerKeyBlocked: boolean }): ReactElement {
  const { t } = useTranslation();
  return (
    <section aria-labelledby={`family-${family}`}>
      <h2 className={`family ${family}`} id={`family-${family}`}>
        {family === 'client' ? <SealedGlyph size={14} /> : <IconCloudLock size={16} stroke={1.75} aria-hidden="true" />}
        {t(`who.${family}`)}<span>{t(`who.${family}Says`)}</span>
      </h2>
      <div className="mode-cards">
        {FAMILIES[family].map((mode) => {
          const { tag } = MODES[mode];
          const isBlocked = mode === 'sse-c' && isCustomerKeyBlocked;
          return (
            <Radio.Card key={mode} value={mode} className={`mode-card ${family}`} disabled={isBlocked || (isFixed && mode !== chosen)} aria-label={`${t(`modes.${mode}.name`)}. ${t(`modes.${mode}.says`)} ${tag}. ${isBlocked ? t('who.blocked') : ''}`}>
              <span className="radio" />
              <span className="col"><span className="b">{t(`modes.${mode}.name`)}</span><span className="sm mute">{t(`modes.${mode}.says`)}</span></span>
              <span className="mode-tag mono xs">{tag}</span>
              {isBlocked && <span className="mode-blocked xs"><IconBan size={14} stroke={1.9} aria-hidden="true" />{t('who.blocked')}</span>}
            </Radio.Card>
          );
        })}
      </div>
    </section>
  );
}

function WhoReads({ mode, names }: { mode: ModeChoice; names: Draft['names'] }): ReactElement {
  const { t } = useTranslation();
  const { bucketReads, amazonReads } = MODES[mode];
  const reads = (isReader: boolean): ReactElement => (isReader
    ? <span className="reads sm"><IconEye size={14} stroke={1.9} aria-hidden="true" />{t('who.reads')}</span>
    : <span className="sees sm"><IconEyeOff size={14} stroke={1.9} aria-hidden="true" />{t(names === 'readable' ? 'who.seesNames' : 'who.sees')}</span>);
  return (
    <ul className="who">
      <li><IconUserCheck size={16} stroke={1.75} aria-hidden="true" /><span className="grow">{t('who.you')}</span>{reads(true)}</li>
      <li><IconUsers size={16} stroke={1.75} aria-hidden="true" /><span className="grow">{t('who.bucket')}</span>{reads(bucketReads)}</li>
      <li><IconBuildingBank size={16} stroke={1.75} aria-hidden="true" /><span className="grow">{t('who.amazon')}</span>{reads(amazonReads)}</li>
      <li><IconDeviceLaptop size={16} stroke={1.75} aria-hidden="true" /><span className="grow">{t('who.thief')}</span><span className="maybe sm"><IconLock size={14} stroke={1.9} aria-hidden="true" />{t('who.unlocked')}</span></li>
    </ul>
  );
}

/** Cards left, picture right: it changes as the choice does, and says so politely. */
export function WhoStep({ draft, change, connection, folder }: Props): ReactElement {
  const { t } = useTranslation();
  const home = useStore((state) => state.info?.homeDirectory);
  const { mode, inspect } = draft;
  const existing = inspect?.existing ?? null;
  const isBlocked = inspect?.isCustomerKeyBlocked ?? false;
  const isClient = MODES[mode].family === 'client';
  const keyName = useStore((state) => state.keys.find((key) => key.keyId === draft.keyId)?.name);
  const choose = (value: string): void => change({ mode: value as ModeChoice, names: folder?.names ?? (value === 'cse-c' ? 'encrypted' : 'readable'), keyId: null, isKeySettled: false });
  return (
    <div className="who-step">
      <div className="who-left">
        <h1 className="hero">{folder !== undefined ? t('change.title', { name: folder.name }) : existing === null ? t('who.title') : t('who.joinTitle')}</h1>
        <p className="mute">
          {t('who.for')} <span className="mono">{shortPath(draft.localPath, home)}</span> {t('who.in')} <span className="mono">{`s3://${draft.bucket}/${draft.prefix}`.replace(/\/$/, '')}</span>. {folder !== undefined ? t('change.says', { names: t(`names.${folder.names}`).toLowerCase() }) : existing === null ? t('who.fixed') : t('who.joinSays')}
        </p>
        {existing !== null && existing.fingerprint !== null && <p className="note sm"><IconInfoCircle size={16} stroke={1.75} aria-hidden="true" /><span>{t('who.fingerprint')} <span className="mono selectable">{fingerprint(existing.fingerprint)}</span></span></p>}
        <Radio.Group value={mode} onChange={choose} aria-label={t('who.title')} onKeyDownCapture={moveBetweenRadios}>
          <Family family="client" isFixed={existing !== null} chosen={mode} isCustomerKeyBlocked={isBlocked} />
          <Family family="server" isFixed={existing !== null} chosen={mode} isCustomerKeyBlocked={isBlocked} />
        </Radio.Group>
        {isBlocked && <p className="note sm"><IconInfoCircle size={16} stroke={1.75} aria-hidden="true" /><span>{t('who.blockedSays')}</span></p>}
      </div>
      <aside className="panel who-right" aria-live="polite" aria-label={t('who.picture')}>
        <div className="row who-head"><ModeBadge mode={mode} /><span className="grow" /><span className="mono sm faint">{isClient ? t('who.envelope', { tag: MODES[mode].tag, format: draft.format.toUpperCase() }) : MODES[mode].tag}</span></div>
        <div className="who-picture"><EnvelopePicture mode={mode} storage={storageWord(t, connection)} keyName={mode === 'cse-kms' || mode === 'sse-kms' ? draft.kmsKeyId : keyName} /></div>
        <WhoReads mode={mode} names={draft.names} />
        <dl className="facts who-facts">
          <dt>{t('folder.names')}</dt>
          <dd className="row names-row">
            <span className="grow">{t(`names.${draft.names}Says`)}</span>
            {isClient && folder === undefined && (
              <SegmentedControl
                withItemsBorders={false} size="xs" aria-label={t('folder.names')} disabled={existing !== null} value={draft.names} onChange={(names) => change({ names })} classNames={{ root: 'seg', label: 'seg-label', indicator: 'seg-on' }}
                data={[{ value: 'encrypted', label: t('names.encrypted') }, { value: 'readable', label: t('names.readable') }]}
              />
            )}
          </dd>
          {existing === null && <ModeOptions draft={draft} change={change} />}
          <Fact name={t('who.ifLost')}><b>{t(`modes.${mode}.lost`)}</b> {t(`modes.${mode}.lostSays`)}</Fact>
          <Fact name={t('who.wayOut')}>{t(mode === 'cse-kms' ? 'who.wayOutKms' : isClient ? 'who.wayOutClient' : 'who.wayOutServer')}</Fact>
          <Fact name={t('who.cost')}>{t(`modes.${mode}.cost`)}</Fact>
        </dl>
        <WireAndCommand draft={draft} connection={connection} folder={folder} />
      </aside>
    </div>
  );
}
