"""Words that redaction knows: common given names, everyday words that are no names, and words that are both.

Names outside the list are found by how they are introduced ("my name is ..."), so it need not be complete, and it is
not a register of anybody. Everyday words keep an introduction such as "I am more than happy" from making names of them.
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

_EVERYDAY = """
    a able about absolutely access account across actual actually address afford afraid after afternoon again against
    age agency agent ago agree ahead alive all almost alone along already alright also although always am amazing
    america american among amount an and animal another answer any anybody anymore anyone anything anyway appreciate
    are area around as ask asking assistant at australia available away awesome baby back bad bank basically be bear
    beautiful because become been before begin behind being believe below best better between big billing birthday bit
    body book both box boy boys bring brother brown building busy but buy by bye call called caller calling calls came
    can cancer card care case cash cause cents certain certainly chance change chat check child children church city
    class clear close code cold college come comes coming committed community company completely concerned confused
    congratulations connected consider continue cool correct correctly cost could country couple course customer dad
    daily date daughter day days dead deal dear decide definitely delighted depend did die different difficult dinner
    dog doing dollar dollars donate donated donating donation donations done donor door down dream drive during each
    early easy eat eight either else email end england english enjoy enough especially europe even evening ever every
    everybody everyone everything exactly example excellent except excited expect experience eye eyes face fact fair
    family fantastic far father favorite feel fellow few fifty fifth finally find fine first five folks follow
    following food for forget forty forward found four free fresh friday friend friends from front full fun fund
    further future game gave gentleman gentlemen germany get gets getting girl girls give given giving glad go goes
    going gone gonna good goodbye goodness got gotta government great greatly greetings group guess guy guys had half
    hand happen happening happy hard has hate have having he head health hear heard heart hello help helped helpful
    helping helps her here hers hey hi high him himself his hit hold home honestly hopefully hospital hour hours house
    how however huge human hundred hungry hurt husband idea if ill imagine important in indeed india information
    inside instead interested interesting into is issue it its itself job july just keep kept key kid kids kind kinda
    knew know knowing known lady ladies large last late later law learn least leave left less let lets letter level
    life like likely line link list listen listening little live lives living local long look looking looks lost lot
    lots love loved low luck lucky lunch ma'am madam made mail main make makes making mam man manager many march
    married matter maybe me mean means medical meet meeting men message middle might million mind mine minute minutes
    miss mister moment mom monday money month months more morning most mostly mother move much must my myself name
    named near nearly need needed needs neither never new news next nice night nine no nobody none noon nope normal
    north not nothing november now number numbers october of off offer office often oh ok okay old older on once one
    ones online only open operator option or order organization other others our out outside over own page paid pain
    pardon parents part particular party past pay paying payment people percent perfect perfectly perhaps person
    personally phone pick place plan play please pleased pleasure point poor possible power pretty probably problem
    program project proud provide public put question questions quick quickly quite rather reach read reading ready
    real really reason receive recently red register regular relax remember reply research rest rich ride right road
    room round run running sad safe said same saturday save saving saw say saying says school second see seem seems
    seen send sense sent september seriously serve service set seven several shall she shelter short should show shut
    sick side simple simply since single sir sister sit site situation six sixty small so social some somebody someone
    something sometimes son soon sorry sound sounds south speak speaking special spend spent start started starting
    state states stay step still stop store stories story street strong student studying stuff such sunday super
    support suppose supposed sure surprised system take taken taking talk talking task teach team tell ten terrible
    than thank thankful thanks that thats the their them themselves then there therefore these they thing things think
    thinking thirty this those though thought thousand three through thursday time times tired to today together told
    tomorrow tonight too took top totally touch toward town trouble true truly trust truth try trying tuesday turn tv
    twelve twenty twice two type uh um uncle under understand unfortunately united unless until up upon url us usa use
    used user using usual usually vegan very visa visit volunteer wait waiting walk want wanted wanting wants war was
    water way we website wednesday week weekend weeks welcome well went were west what whatever when where whether
    which while white who whole whom whose why wife willing wish with within without woman women won wonderful
    wondering word words work worked working works world worried worry worse worst worth would wow write writing wrong
    yeah year years yep yes yesterday yet you young your yours yourself zero
    ain't arent cannot cant couldnt didnt do does doesnt don't dont hadnt hasnt havent hes i'd i'll i'm i've im isnt
    itll ive lets shes shouldnt thatll theres theyll theyre theyve wasnt wed weve werent whats whos wont wouldnt youd
    youll youre youve
    appreciate ask captain class colonel general grade group hepatitis judge lady officer option phase plan reverend
    room section sergeant sir type unit vitamin
    action aid association bureau calendar campaign care center centre christmas club council department district
    doctors easter education empire fellowship festival fire force foundation god gods hope inc international league
    library memorial ministry mission museum north ocean office park police president red relief republic river safety
    sea services society states thanksgiving trust union university valley
    angry anxious available awful bored busy cold disabled exhausted generous honest hot hungry lonely nervous
    mr mrs ms dr prof professor doctor
    personal raining retired scared sleepy snowing thirsty upset
"""
EVERYDAY_WORDS = frozenset(_EVERYDAY.split())

_BOTH = """
    will mark may grace hope rose joy faith dawn april june august bill rob pat art drew frank jack guy ray gene chuck
    penny ginger amber ruby pearl jade ivy daisy heather holly iris lily olive violet summer autumn carol grant chase
    dean earl duke major miles rich sue wade pierce skip drew max sandy rusty dusty christian angel melody harmony
    chance clay cliff dale glen heath lane reed forest banks fields stone wood brook brooks kelly terry jean gay
    young long page case short price waters rivers power king knight bishop pope cook baker carpenter mason gardener
    berry bush hill lake park north west day week winter spring green black white gray brown wise sharp strong swift
"""
WORDS_AND_NAMES = frozenset(_BOTH.split())

_PLACES = """
    africa african alabama alaska amazon american angeles antarctica arabia arizona arkansas army asia asian atlantic
    australian avenue avenger award bank bay beach bee berlin boston bowl brazil britain british burkina california
    canada canadian cape caribbean carolina carnival catholic central challenge charities charity chicago childrens
    chinese church cities coast coffee college colorado columbia computer connecticut costa cross dakota dallas
    delaware denver desert diego east eastern economics el engineering europe european executive faso florida francisco
    french funding gaza georgia german ghana global grand great greek guinea gulf haiti hampshire hawaii highway
    hurricane hurricanes idaho illinois india indian indiana indians institute institution institutions iowa ireland
    irish island islands israel italian italy ivory japan jersey jude judes kansas kentucky kenya kingdom korea labor
    lake lanka las latin lebanon leone london louisiana machine maine mars maryland massachusetts mechanical mexican
    mexico miami michigan middle mill minnesota mississippi missouri montana mount mountain muslim myanmar native
    navigator nebraska nevada nigeria nigerian nobel northern ocean ohio oklahoma olympics ontario operation oregon
    pacific pakistan palestine paris parks peace peninsula pennsylvania philippines poland premier prize program
    puerto rapids reef refugee refugees region relief republic rican rico river rohingya royal russia russian saint
    salvador salvation san saudi science scotland seattle services sierra smile solutions southern spain spanish sri
    st state storm street studios sudan sweden switzerland syria syrian team teams tennessee texas texan toronto
    tropical turk uganda ukraine union university urban utah vegas vermont vietnam virginia wales warriors
    washington watch western wisconsin wounded wyoming yemen york zealand
"""
PLACES_AND_BODIES = frozenset(_PLACES.split())
