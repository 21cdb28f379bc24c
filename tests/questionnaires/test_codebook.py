from vpnet.questionnaires.codebook import write_codebook
from vpnet.questionnaires.schema import (
    AfterStudy,
    BeforeStudy,
    Questionnaire,
    Session,
    Viewing,
)


def test_every_section_and_question_is_explained():
    page = write_codebook()
    for section in Questionnaire.model_fields:
        assert f"## {section} " in page
    for answers in (BeforeStudy, Session, Viewing, AfterStudy):
        for name, question in answers.questions().items():
            assert f"| {name} | {question.text} | {question.allowed} |" in page
