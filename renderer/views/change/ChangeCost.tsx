/** What a change of mode or key would take, in counts, requests, bytes and, at AWS, money; and what it leaves as it is. */
import type { ReactElement } from 'react';
import { useTranslation } from 'react-i18next';
import { IconArrowsExchange, IconChecks, IconCloudCog, IconCopy, IconInfoCircle, IconKey, type Icon } from '@tabler/icons-react';
import type { ChangePreviewView } from '../../../preload/contract.ts';
import { Fact } from '../../components/bits.tsx';
import { bytes, count } from '../../format.ts';

const WAYS: Record<keyof ChangePreviewView['ways'], Icon> = { transfer: IconArrowsExchange, rewrap: IconKey, copy: IconCopy, update: IconCloudCog, none: IconChecks };

export function ChangeCost({ preview }: { preview: ChangePreviewView }): ReactElement {
  const { t } = useTranslation();
  const { ways, requests, costUsd, oldVersions, bytesUp, bytesDown } = preview;
  const shown = (Object.keys(WAYS) as (keyof typeof ways)[]).filter((way) => ways[way].objects > 0);
  return (
    <>
      {shown.length === 0 ? <p className="mute">{t('change.empty')}</p> : (
        <ul className="panel preview" aria-label={t('change.costTitle')}>
          {shown.map((way) => {
            const WayIcon = WAYS[way];
            return (
              <li key={way} className={way === 'none' ? 'adopt' : way}>
                <WayIcon size={18} stroke={1.6} aria-hidden="true" />
                <span className="preview-count">{count(ways[way].objects)}</span>
                <span className="grow">{t('change.objects', { count: ways[way].objects })} {t(`change.ways.${way}`)}</span>
                <span className="sm mute">{bytes(ways[way].bytes)}</span>
              </li>
            );
          })}
        </ul>
      )}
      <dl className="facts change-facts">
        <Fact name={t('change.requests')}>{t('change.requestsAre', { writes: count(requests.writes), reads: count(requests.reads), kms: count(requests.kms) })}</Fact>
        <Fact name={t('change.traffic')}>{bytesUp + bytesDown === 0 ? t('change.noTraffic') : t('change.trafficIs', { down: bytes(bytesDown), up: bytes(bytesUp) })}</Fact>
        {costUsd !== null && <Fact name={t('change.price')}>{t('change.priceIs', { usd: costUsd.toFixed(2) })}</Fact>}
        <Fact name={t('change.old')}>{oldVersions === null || oldVersions.objects === 0 ? t('change.oldNone') : <>{t('change.oldAre', { count: oldVersions.objects, value: count(oldVersions.objects), bytes: bytes(oldVersions.bytes) })}. {t('change.oldLater')}</>}</Fact>
      </dl>
      {preview.namesNeedOldKey && <p className="note sm"><IconInfoCircle size={16} stroke={1.75} aria-hidden="true" /><span>{t('change.namesKey')}</span></p>}
      {preview.isUnderWay && <p className="note sm"><IconInfoCircle size={16} stroke={1.75} aria-hidden="true" /><span>{t('change.underWay')}</span></p>}
    </>
  );
}
