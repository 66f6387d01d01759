/** Every word of the window comes from strings/; components hold none. */
import { createInstance } from 'i18next';
import { initReactI18next } from 'react-i18next';
import { en } from './strings/en.ts';

declare module 'i18next' {
  interface CustomTypeOptions {
    resources: { translation: typeof en };
    returnNull: false;
  }
}

export function startTranslations(): void {
  void createInstance().use(initReactI18next).init({ lng: 'en', resources: { en: { translation: en } }, interpolation: { escapeValue: false }, initAsync: false });
}
