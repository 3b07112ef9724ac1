"""Every sentence Opcit shows to a person, in French and in English.

Knows no page and no command line: a key, a language and values in, a sentence out. The answers
themselves are spans of documents and are never written here.
"""

import re
from datetime import date
from typing import Final

from index import Language

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
    "open_citation": {"fr": "Ouvrir le passage : {title}", "en": "Open the passage: {title}"},
    "page": {"fr": "page {page}", "en": "page {page}"},
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
    "copied_answer": {"fr": "Réponse copiée", "en": "Answer copied"},
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
    "reader": {"fr": "Document cité", "en": "Cited document"},
    "reader_empty": {
        "fr": "Les sources s’ouvrent ici, à la phrase qui répond.",
        "en": "Sources open here, at the sentence that answers.",
    },
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
        "fr": "Les dates et les documents cochés limitent aussi les questions.",
        "en": "The dates and the ticked documents also limit the questions.",
    },
    "choose": {"fr": "Interroger seulement : {title}", "en": "Ask only: {title}"},
    "remove": {"fr": "Retirer", "en": "Remove"},
    "remove_which": {"fr": "Retirer {title}", "en": "Remove {title}"},
    "origin_upload": {"fr": "Ajoutés ici", "en": "Added here"},
    "origin_indexed": {"fr": "Votre dossier", "en": "Your folder"},
    "origin_sample": {"fr": "Exemples", "en": "Samples"},
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
    "listening": {
        "fr": "Opcit est à l’écoute sur {url} (Ctrl-C pour arrêter).",
        "en": "Opcit listens on {url} (Ctrl-C to stop).",
    },
}

_MONTHS: Final[dict[Language, list[str]]] = {
    "fr": (
        "janvier février mars avril mai juin juillet août septembre octobre novembre décembre"
    ).split(),
    "en": (
        "January February March April May June July August September October November December"
    ).split(),
}

# French sets a space before these signs, and a line must not break there.
_LOOSE_SPACE: Final = re.compile(r" (?=[:;?!%»])|(?<=«) ")
_NO_BREAK_SPACE: Final = "\u00a0"


def text(key: str, language: Language, **values: object) -> str:
    """The sentence `key` in `language`, with `values` in its places.

    Raises KeyError where the sentence does not exist or a value is missing.
    """
    sentence = TEXTS[key][language]
    if language == "fr":
        sentence = _LOOSE_SPACE.sub(_NO_BREAK_SPACE, sentence)
    return sentence.format(**values)


def date_text(day: date, language: Language) -> str:
    """A day as it is written in running text: `1er mars 2024`, `1 March 2024`."""
    number = "1er" if language == "fr" and day.day == 1 else str(day.day)
    return f"{number} {_MONTHS[language][day.month - 1]} {day.year}"
