"""Common given names, as a first hint that a capitalised word is a person.

Names outside the list are found by how they are introduced ("my name is ..."), so it need not be complete, and it is
not a register of anybody.
"""

_TEXT = """
    aaron abdul abigail adam adrian ahmed aisha alan albert alejandro alex alexander alexandra alice alicia
    alison ali amanda amber amelia amir amy ana andrea andreas andrew angela anita ann anna anne annie anthony
    antonio aria arjun arthur ashley astrid audrey barbara beatrice ben benjamin bernard beth betty beverly bill
    bob bonnie brandon brenda brian bruce bryan camila carl carla carlos carmen carol caroline carolyn catherine
    cecilia chad charles charlotte chen cheryl chloe chris christian christina christine christopher cindy
    claire clara claudia colin connie craig cynthia dan daniel daniela danielle darren dave david dean deborah
    debra dennis derek diana diane diego dmitri dominic donald donna dorothy doug douglas duncan dylan edith
    eduardo edward eileen elaine elena eli elias elijah elizabeth ella ellen elsa emily emma eric erica erik
    erin esther ethan eva evan evelyn fatima felix fernando fiona florence frances francesca francis francisco
    frank fred gabriel gail gareth gary gavin george gerald gina giovanni gloria gordon graham greg gregory
    gustav hannah hans harold harry hassan heather hector heidi helen helena henry hiroshi howard hugo ian
    ibrahim ingrid irene isaac isabel isabella ivan jack jackie jacob jacqueline jake james jamie jane janet
    janice jasmine jason javier jean jeff jeffrey jennifer jenny jeremy jerry jesse jessica jill jim joan joanna
    joe joel johanna john jonathan jorge jose joseph josh joshua joyce juan juanita judith judy julia julian
    julie julio justin karen karl kate katherine kathleen kathryn kathy katie keith kelly ken kenneth kevin
    khalid kim kimberly klaus kofi kristen kumar kyle lakshmi larry lars laura lauren leah lee lena leo leon
    leonard leslie liam lillian linda lindsay lisa lois lorraine louis louise lucas lucia lucy luis luke lydia
    lynn madison maggie malik manuel marc marcia marco marcus margaret maria marie marilyn mario marion marisol
    marlene martha martin marvin mary mateo matt matthew maureen maurice max maya megan mehmet mei melanie
    melissa michael michelle miguel mike ming miriam mohamed mohammed moira molly monica monique muhammad nadia
    nancy naomi natalie natasha nathan neil nicholas nick nicole nigel nikolai nina noah nora norma olga oliver
    olivia omar oscar owen pablo pamela patricia patrick paul paula pedro penny peter petra phil philip phillip
    phyllis pierre priya rachel rafael raj rajesh ralph ramon randy raul ravi ray raymond rebecca regina renee
    ricardo richard rick rita robert roberto robin rodney roger ron ronald rosa rosemary ross roy ruben russell
    ruth ryan sally sam samantha samir samuel sandra sanjay sara sarah scott sean sebastian sergio shannon
    sharon sheila shirley silvia simon sofia sonia sophia sophie stacy stanley stefan stella stephanie stephen
    steve steven stuart sue susan suzanne sven sylvia tamara tanya tara tatiana ted teresa terry theodore
    theresa thomas tiffany tim timothy tina todd tom tomas tony tracy trevor tyler ulrike valerie vanessa
    veronica vera victor victoria vincent virginia vivian walter wanda warren wayne wendy wei wilhelm william
    xavier yan yasmin yolanda yuki yusuf yvonne zachary zoe
"""
COMMON_GIVEN_NAMES = frozenset(_TEXT.split())
