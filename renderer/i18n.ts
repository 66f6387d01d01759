/** Every word of the window comes from strings/; components hold none. */
import { createInstance } from 'i18next';
import { initReactI18next } from 'react-i18next';
import { setFormatLanguage, visible } from './format.ts';
import { de } from './strings/de.ts';
import { en } from './strings/en.ts';

declare module 'i18next' {
  interface CustomTypeOptions {
    resources: { translation: typeof en };
    returnNull: false;
  }
}

const translations = createInstance();

/** @param locale - `de`, `de-AT`, `en-GB`, …; what is not known is English. */
export function speak(locale: string): void {
  const language = locale.toLowerCase().startsWith('de') ? 'de' : 'en';
  document.documentElement.lang = language;
  setFormatLanguage(language);
  if (translations.language !== language) void translations.changeLanguage(language);
}

export function startTranslations(): void {
  void translations.use(initReactI18next).init({ lng: 'en', fallbackLng: 'en', resources: { en: { translation: en }, de: { translation: de } }, interpolation: { escapeValue: true, escape: visible }, initAsync: false });
}
