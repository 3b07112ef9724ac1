"""Every sentence Opcit shows to a person, in French and in English.

Knows no page and no command line: a key, a language and values in, a sentence out. The answers
themselves are spans of documents and are never written here.
"""

import re
from datetime import date
from functools import cache
from string import Formatter
from typing import Final

from index import Language

from .dates import MONTHS

TEXTS: Final[dict[str, dict[Language, str]]] = {
    # -- the page's frame ------------------------------------------------------------------------
    "tagline": {
        "fr": "Chaque réponse est un passage de vos documents.",
        "en": "Every answer is a passage of your documents.",
    },
    "switch_language": {"fr": "Langue de l’interface", "en": "Language of the interface"},
    "conversation": {"fr": "Conversation", "en": "Conversation"},
    "new_conversation": {"fr": "Nouvelle conversation", "en": "New conversation"},
    "question_label": {"fr": "Votre question", "en": "Your question"},
    "question_hint": {
        "fr": "Posez votre question…",
        "en": "Ask your question…",
    },
    "ask": {"fr": "Demander", "en": "Ask"},
    "export": {"fr": "Exporter la conversation", "en": "Export conversation"},
    "welcome": {
        "fr": "Que voulez-vous savoir ?",
        "en": "What would you like to know?",
    },
    "welcome_more": {
        "fr": "La réponse est citée mot pour mot, et s’ouvre à sa place dans le document.",
        "en": "The answer is quoted word for word, and opens in its place in the document.",
    },
    # -- an answer -------------------------------------------------------------------------------
    "not_in_documents": {
        "fr": "Les documents ne répondent pas à cette question.",
        "en": "The documents do not answer this question.",
    },
    "searching": {"fr": "Recherche dans les documents…", "en": "Searching the documents…"},
    "understood": {"fr": "Compris comme : {question}", "en": "Understood as: {question}"},
    "open_citation": {"fr": "Ouvrir le passage : {title}", "en": "Open the passage: {title}"},
    "page": {"fr": "page {page}", "en": "page {page}"},
    "copy": {"fr": "Aussi dans un autre document :", "en": "Also in another document:"},
    "copies": {
        "fr": "Aussi dans {count} autres documents :",
        "en": "Also in {count} other documents:",
    },
    "undated": {"fr": "sans date", "en": "undated"},
    "confidence": {"fr": "Confiance : {percent} %", "en": "Confidence: {percent}%"},
    "unsure": {
        "fr": "Réponse incertaine. Confiance : {percent} %",
        "en": "Uncertain answer. Confidence: {percent}%",
    },
    "confidence_hint": {
        "fr": "Probabilité estimée que cette citation réponde à la question",
        "en": "Estimated probability that this citation answers the question",
    },
    "copy_answer": {"fr": "Copier avec les citations", "en": "Copy with citations"},
    "useful": {"fr": "Réponse utile", "en": "Useful answer"},
    "not_useful": {"fr": "Réponse inutile", "en": "Not a useful answer"},
    "nearest": {
        "fr": "Les passages les plus proches se trouvent dans :",
        "en": "The nearest passages are in:",
    },
    "unexpected": {
        "fr": "Un problème imprévu est survenu ; le détail est affiché dans le terminal.",
        "en": "Something unexpected went wrong; the terminal shows the details.",
    },
    # -- which documents are asked -----------------------------------------------------------------
    "limited": {"fr": "Questions limitées", "en": "Questions limited"},
    "limited_to": {"fr": "documents choisis : {count}", "en": "chosen documents: {count}"},
    "limited_after": {"fr": "depuis le {day}", "en": "since {day}"},
    "limited_before": {"fr": "jusqu’au {day}", "en": "until {day}"},
    "limited_between": {"fr": "du {after} au {before}", "en": "from {after} to {before}"},
    "ask_all": {"fr": "Interroger tous les documents", "en": "Ask all documents"},
    # -- an export -------------------------------------------------------------------------------
    "conversation_title": {
        "fr": "Conversation avec Opcit, {date}",
        "en": "Conversation with Opcit, {date}",
    },
    # -- the document ----------------------------------------------------------------------------
    "library": {"fr": "Documents : {count}", "en": "Documents: {count}"},
    "library_empty": {
        "fr": "Il n’y a encore aucun document. Ajoutez-en pour commencer.",
        "en": "There are no documents yet. Add some to begin.",
    },
    "library_rest": {"fr": "et {count} de plus", "en": "and {count} more"},
    "library_found": {
        "fr": "Documents trouvés : {found} sur {count}",
        "en": "Documents found: {found} of {count}",
    },
    "library_none": {
        "fr": "Aucun document ne correspond à cette recherche.",
        "en": "No document matches this search.",
    },
    "search_titles": {"fr": "Chercher un titre", "en": "Search titles"},
    "dated_from": {"fr": "Du", "en": "From"},
    "dated_to": {"fr": "au", "en": "to"},
    "dates_hint": {
        "fr": "Les dates et les documents cochés limitent aussi les questions ; "
        "un document sans date est hors de toute période.",
        "en": "The dates and the ticked documents also limit the questions; "
        "a document without a date is outside any period.",
    },
    "choose": {"fr": "Interroger seulement : {title}", "en": "Ask only: {title}"},
    "remove": {"fr": "Retirer", "en": "Remove"},
    "remove_which": {"fr": "Retirer {title}", "en": "Remove {title}"},
    "origin_upload": {"fr": "Ajoutés ici", "en": "Added here"},
    "origin_indexed": {"fr": "Votre dossier", "en": "Your folder"},
    "origin_sample": {"fr": "Exemples", "en": "Samples"},
    "uploads_hint": {
        "fr": "Visibles dans ce navigateur seulement ; retirés après {days} jours sans visite.",
        "en": "Seen in this browser only; removed after {days} days without a visit.",
    },
    "samples_hint": {
        "fr": "Articles écrits pour essayer Opcit ; ils ne font pas foi.",
        "en": "Articles written to try Opcit with; not a source to rely on.",
    },
    "citations": {"fr": "Citations", "en": "Citations"},
    "previous": {"fr": "Citation précédente", "en": "Previous citation"},
    "next": {"fr": "Citation suivante", "en": "Next citation"},
    "copy_link": {"fr": "Copier le lien", "en": "Copy link"},
    "copied": {"fr": "Lien copié", "en": "Link copied"},
    "close": {"fr": "Fermer", "en": "Close"},
    "to_library": {"fr": "Tous les documents", "en": "All documents"},
    "changed": {
        "fr": "Le fichier a changé depuis son indexation.",
        "en": "The file has changed since it was indexed.",
    },
    "changed_shown": {
        "fr": "Le fichier a changé depuis son indexation. Voici le texte tel qu’il a été indexé.",
        "en": "The file has changed since it was indexed. This is the text as it was indexed.",
    },
    "missing_document": {
        "fr": "Ce document n’est plus dans l’index.",
        "en": "This document is no longer in the index.",
    },
    "no_such_document": {
        "fr": "Aucun document ne s’appelle {name} ici.",
        "en": "There is no document named {name} here.",
    },
    "bad_place": {
        "fr": (
            "Ce lien ne mène à aucun passage : « start » et « end » doivent être deux nombres, le"
            " premier plus petit que le second, dans un texte de {length} caractères."
        ),
        "en": (
            "This link leads to no passage: `start` and `end` must be two numbers, the first less"
            " than the second, in a text of {length} characters."
        ),
    },
    "moved": {
        "fr": (
            "Le document a changé et a été indexé de nouveau depuis que ce lien a été fait : le"
            " passage cité n’est plus à cette place."
        ),
        "en": (
            "The document has changed and was indexed again since this link was made: the cited"
            " passage is no longer in this place."
        ),
    },
    "open_in_chat": {"fr": "Ouvrir dans la conversation", "en": "Open in the conversation"},
    "hidden_text": {
        "fr": "{count} caractères ne sont pas affichés",
        "en": "{count} characters are not shown",
    },
    "show_all": {"fr": "Tout afficher", "en": "Show all"},
    # -- adding documents ------------------------------------------------------------------------
    "add_documents": {"fr": "Ajouter des documents", "en": "Add documents"},
    "adding": {
        "fr": "Lecture des documents : {done} sur {total}",
        "en": "Reading documents: {done} of {total}",
    },
    "added_file": {"fr": "Ajouté : {name}", "en": "Added: {name}"},
    "changed_file": {"fr": "Mis à jour : {name}", "en": "Updated: {name}"},
    "removed_file": {"fr": "Retiré : {name}", "en": "Removed: {name}"},
    "unchanged_files": {
        "fr": "Ces documents étaient déjà dans l’index.",
        "en": "These documents were already in the index.",
    },
    # -- the server ------------------------------------------------------------------------------
    "foreign_host": {
        "fr": "Opcit ne répond pas au nom « {host} » ; utilisez l’adresse affichée au démarrage.",
        "en": "Opcit does not answer to the name “{host}”; use the address shown at its start.",
    },
    "foreign_origin": {
        "fr": "Cette demande vient d’un autre site ({origin}) ; elle est refusée.",
        "en": "This request comes from another site ({origin}); it is refused.",
    },
    "login_needed": {
        "fr": "Il faut un nom et un mot de passe pour utiliser Opcit ici.",
        "en": "Opcit needs a name and a password here.",
    },
    "login_wait": {
        "fr": "Trop d’essais avec un mot de passe faux ; réessayez dans {seconds} s.",
        "en": "Too many tries with a wrong password; try again in {seconds} s.",
    },
    "cleared": {
        "fr": "Documents ajoutés par des sessions disparues et retirés : {count} sessions.",
        "en": "Removed what sessions had added that are no longer used: {count} sessions.",
    },
    "listening": {
        "fr": "Opcit est à l’écoute sur {url} (Ctrl-C pour arrêter).",
        "en": "Opcit listens on {url} (Ctrl-C to stop).",
    },
}

# Why a file or a question is refused: `index` and `qa` say it in English, whoever asks; the page
# says it in its own language. What stands in braces is taken over as it is, or in French where it
# is one of these sentences itself.
REFUSALS: Final[dict[str, str]] = {
    "The question is empty; write one in French or English.": (
        "La question est vide ; écrivez-en une en français ou en anglais."
    ),
    "The question has {count} characters; ask in at most {limit}.": (
        "La question compte {count} caractères ; posez-la en {limit} au plus."
    ),
    "{name} left the index while it was read; ask again.": (
        "{name} a quitté l’index pendant la lecture ; posez la question à nouveau."
    ),
    "Another process is updating {name}; try again when it is done.": (
        "Une autre mise à jour de {name} est en cours ; réessayez quand elle sera finie."
    ),
    "At most {limit} documents can be added; remove some first.": (
        "On peut ajouter {limit} documents au plus ; retirez-en d’abord."
    ),
    "The question holds a sign that is no character.": (
        "La question contient un signe qui n’est pas un caractère."
    ),
    "The documents cannot be kept ({reason}); make room on the disk.": (
        "Les documents ne peuvent pas être conservés ({reason}) ; faites de la place sur le disque."
    ),
    "Without cookies nothing can be added here; allow them for this page.": (
        "Sans cookies, rien ne peut être ajouté ici ; autorisez-les pour cette page."
    ),
    "{name} was not added here; take it out of its own folder.": (
        "{name} n’a pas été ajouté ici ; retirez-le de son propre dossier."
    ),
    "{name} was not added here and cannot be removed.": (
        "{name} n’a pas été ajouté ici et ne peut pas être retiré."
    ),
    "{name} cannot be removed ({reason}).": "{name} ne peut pas être retiré ({reason}).",
    "The feedback in {path} cannot be used ({reason}); move that file away to begin anew.": (
        "Les avis dans {path} ne peuvent pas être utilisés ({reason}) ; déplacez ce fichier pour"
        " repartir de zéro."
    ),
    "There is no index in {folder}; make one with `opcit index DOCS`.": (
        "Il n’y a pas d’index dans {folder} ; faites-en un avec `opcit index DOCS`."
    ),
    "The catalog {path} is missing; {remedy}": "Le catalogue {path} manque ; {remedy}",
    "The catalog {path} is damaged ({reason}); {remedy}": (
        "Le catalogue {path} est abîmé ({reason}) ; {remedy}"
    ),
    "make it again with `opcit index DOCS --rebuild`.": (
        "refaites-le avec `opcit index DOCS --rebuild`."
    ),
    "put back its last good copy, of {day}, with `opcit restore`.": (
        "remettez sa dernière bonne copie, du {day}, avec `opcit restore`."
    ),
    "remove {folder} and run `opcit index DOCS` again.": (
        "retirez {folder} et relancez `opcit index DOCS`."
    ),
    "The catalog {path} cannot be used ({reason}); nothing in it was changed.": (
        "Le catalogue {path} ne peut pas être utilisé ({reason}) ; rien n’y a été changé."
    ),
    "{path} cannot be written ({reason}); nothing was changed.": (
        "{path} ne peut pas être écrit ({reason}) ; rien n’a été changé."
    ),
    "{path} cannot be written ({reason}); the documents are indexed, run the same command again"
    " once there is room.": (
        "{path} ne peut pas être écrit ({reason}) ; les documents sont indexés, recommencez quand"
        " il y aura de la place."
    ),
    "The search indexes in {folder} are damaged and cannot be made again ({reason}); make room on"
    " the disk.": (
        "Les index de recherche dans {folder} sont abîmés et ne peuvent pas être refaits ({reason})"
        " ; faites de la place sur le disque."
    ),
    "The index folder {folder} cannot be made ({reason}); choose another with --index DIR.": (
        "Le dossier d’index {folder} ne peut pas être créé ({reason}) ; choisissez-en un autre avec"
        " --index DIR."
    ),
    "{path} is damaged; run `opcit index DOCS --rebuild` to make the index again.": (
        "{path} est abîmé ; lancez `opcit index DOCS --rebuild` pour refaire l’index."
    ),
    "The index in {folder} was made by another version of Opcit; run `opcit index DOCS --rebuild`"
    " to make it again.": (
        "L’index dans {folder} a été fait par une autre version d’Opcit ; lancez `opcit index DOCS"
        " --rebuild` pour le refaire."
    ),
    "There is nothing to index in {folder}: it holds no .txt, .md, .html, .pdf or .docx file"
    " outside the index folder (`opcit forget` removes what was indexed before).": (
        "Il n’y a rien à indexer dans {folder} : aucun fichier .txt, .md, .html, .pdf ou .docx ne"
        " s’y trouve hors du dossier d’index (`opcit forget` retire ce qui a été indexé avant)."
    ),
    "There is no folder {folder}; check the path for a typing error (of one that is gone, `opcit"
    " forget` removes what was indexed).": (
        "Il n’y a pas de dossier {folder} ; vérifiez l’orthographe du chemin (d’un dossier disparu,"
        " `opcit forget` retire ce qui a été indexé)."
    ),
    "The folder {folder} cannot be read; give yourself permission to open it.": (
        "Le dossier {folder} ne peut pas être lu ; donnez-vous le droit de l’ouvrir."
    ),
    "{folder} cannot be opened as a folder: {reason}.": (
        "{folder} ne peut pas être ouvert comme dossier : {reason}."
    ),
    "{folder} is a file of a kind Opcit does not read; give a folder, or a file ending in"
    " {kinds}.": (
        "{folder} est un fichier d’un type qu’Opcit ne lit pas ; donnez un dossier, ou un fichier"
        " qui finit par {kinds}."
    ),
    "{name} is of a kind that Opcit does not read; it is left out.": (
        "{name} : Opcit ne lit pas ce type de fichier ; il est laissé de côté."
    ),
    "{name} is named like a hidden or temporary file; rename it to add it.": (
        "{name} porte le nom d’un fichier caché ou temporaire ; renommez-le pour l’ajouter."
    ),
    "{name}: Opcit does not read this kind of file, only {kinds}.": (
        "{name} : Opcit ne lit pas ce type de fichier, seulement {kinds}."
    ),
    "{name}: the file is empty; put text in it or take it away.": (
        "{name} : le fichier est vide ; mettez-y du texte ou retirez-le."
    ),
    "{name}: there are no words in it; put text in it or take it away.": (
        "{name} : il ne contient aucun mot ; mettez-y du texte ou retirez-le."
    ),
    "{name}: {size} is too large, the limit is {limit}; split the file or raise the limit.": (
        "{name} : {size}, c’est trop, la limite est de {limit} ; divisez le fichier ou relevez la"
        " limite."
    ),
    "{name}: the file's name is not valid text; rename the file.": (
        "{name} : le nom du fichier n’est pas un texte valide ; renommez-le."
    ),
    "{name}: the file's name has a line break in it; rename the file.": (
        "{name} : le nom du fichier contient un saut de ligne ; renommez-le."
    ),
    "{name}: this is a folder, not a file; index it as a folder.": (
        "{name} : c’est un dossier, pas un fichier ; indexez-le comme dossier."
    ),
    "{name}: this is a device or a pipe, not a file; take it away.": (
        "{name} : c’est un périphérique ou un tube, pas un fichier ; retirez-le."
    ),
    "{name}: the file is not there (any more); index the folder again.": (
        "{name} : le fichier n’est pas (ou plus) là ; indexez le dossier à nouveau."
    ),
    "{name}: no permission to read it; change its permissions.": (
        "{name} : vous n’avez pas le droit de le lire ; changez ses permissions."
    ),
    "{name}: it cannot be read ({reason}); check the disk and the name.": (
        "{name} : impossible de le lire ({reason}) ; vérifiez le disque et le nom."
    ),
    "{name}: its characters cannot be decoded (tried UTF-8 and {encoding}); save it as UTF-8.": (
        "{name} : ses caractères ne peuvent pas être décodés (essayé : UTF-8 et {encoding}) ;"
        " enregistrez-le en UTF-8."
    ),
    "{name}: its UTF-8 is damaged at byte {at}; save it again as UTF-8.": (
        "{name} : son UTF-8 est abîmé à l’octet {at} ; enregistrez-le à nouveau en UTF-8."
    ),
    "{name}: it holds binary data, not text; convert it to UTF-8 text or take it away.": (
        "{name} : il contient des données binaires, pas du texte ; convertissez-le en texte UTF-8"
        " ou retirez-le."
    ),
    "{name}: the page has no text of its own; save it from the browser once it is shown.": (
        "{name} : la page n’a pas de texte à elle ; enregistrez-la depuis le navigateur une fois"
        " affichée."
    ),
    "{name}: reading it takes too much time or memory; save it again in a simpler form, or as"
    " text.": (
        "{name} : le lire demande trop de temps ou de mémoire ; enregistrez-le sous une forme plus"
        " simple, ou comme texte."
    ),
    "{name}: the HTML cannot be read ({reason}); save the page again.": (
        "{name} : le HTML ne peut pas être lu ({reason}) ; enregistrez la page à nouveau."
    ),
    "{name}: the PDF is encrypted; save a copy without a password.": (
        "{name} : le PDF est chiffré ; enregistrez-en une copie sans mot de passe."
    ),
    "{name}: the PDF is damaged ({reason}); open it in a viewer and save it again.": (
        "{name} : le PDF est abîmé ({reason}) ; ouvrez-le dans une visionneuse et enregistrez-le"
        " à nouveau."
    ),
    "{name}: the PDF has no text, only pictures of pages; make its text readable by OCR (character"
    " recognition) first.": (
        "{name} : le PDF n’a pas de texte, seulement des images de pages ; passez-le d’abord à la"
        " reconnaissance de caractères (OCR)."
    ),
    "{name}: this is an old .doc file under another name; open it in a word processor and save it"
    " as .docx.": (
        "{name} : c’est un ancien fichier .doc sous un autre nom ; ouvrez-le dans un traitement de"
        " texte et enregistrez-le en .docx."
    ),
    "{name}: the DOCX is encrypted; save a copy without a password.": (
        "{name} : le DOCX est chiffré ; enregistrez-en une copie sans mot de passe."
    ),
    "{name}: the DOCX unpacks to {size}, which is too large, the limit is {limit}; split the"
    " document or raise the limit.": (
        "{name} : le DOCX décompressé fait {size}, c’est trop, la limite est de {limit} ; divisez"
        " le document ou relevez la limite."
    ),
    "{name}: the DOCX is damaged or no Word document ({reason}); open it in a word processor and"
    " save it again as .docx.": (
        "{name} : le DOCX est abîmé ou n’est pas un document Word ({reason}) ; ouvrez-le dans un"
        " traitement de texte et enregistrez-le à nouveau en .docx."
    ),
    "{name}: the DOCX is damaged ({reason}); open it in a word processor and save it again as"
    " .docx.": (
        "{name} : le DOCX est abîmé ({reason}) ; ouvrez-le dans un traitement de texte et"
        " enregistrez-le à nouveau en .docx."
    ),
}

# French sets a space before these signs, and a line must not break there.
_LOOSE_SPACE: Final = re.compile(r" (?=[:;?!%»])|(?<=«) ")
_NO_BREAK_SPACE: Final = "\u00a0"


def text(key: str, language: Language, **values: object) -> str:
    """The sentence `key` in `language`, with `values` in its places.

    Raises KeyError where the sentence does not exist or a value is missing.
    """
    sentence = TEXTS[key][language]
    return (_set_in_french(sentence) if language == "fr" else sentence).format(**values)


def copies_text(count: int, language: Language) -> str:
    """In how many other documents nearly the same sentence stands; at least one."""
    return text("copy" if count == 1 else "copies", language, count=count)


def refusal_text(sentence: str, language: Language) -> str:
    """A refusal told in English, in `language`; as it is where no translation is known."""
    if language == "en":
        return sentence
    for english, french in REFUSALS.items():
        found = _pattern(english).fullmatch(sentence)
        if found:
            values = found.groupdict()
            told = {name: refusal_text(value, language) for name, value in values.items()}
            return _set_in_french(french).format(**told)
    return sentence


@cache
def _pattern(english: str) -> re.Pattern[str]:
    parts = (
        re.escape(literal) + (f"(?P<{name}>.*)" if name else "")
        for literal, name, _, _ in Formatter().parse(english)
    )
    return re.compile("".join(parts), re.DOTALL)


def _set_in_french(sentence: str) -> str:
    return _LOOSE_SPACE.sub(_NO_BREAK_SPACE, sentence)


def date_text(day: date, language: Language) -> str:
    """A day as it is written in running text: `1er mars 2024`, `1 March 2024`."""
    number = "1er" if language == "fr" and day.day == 1 else str(day.day)
    return f"{number} {MONTHS[language][day.month - 1]} {day.year}"
